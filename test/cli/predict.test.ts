/** `regraft predict` as a process: what may be named, and what is printed. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { classificationTransforms } from '../../src/data/index.ts';
import { readWeightFile, writeWeights } from '../../src/io/index.ts';
import { cifarResnet20, imagenetPreset } from '../../src/models/index.ts';
import { saveModel } from '../../src/runs/index.ts';
import { temporaryFolder } from '../data/photos.ts';
import { colourPhoto, colourPhotos } from '../runs/colour-photos.ts';
import { sharedData } from '../shared-data.ts';
import { type Outcome, regraft } from './regraft.ts';

/** Names as nobody should have them. */
const CLASSES = ['ants, "red"', '\u001b]0;title\u0007bees'];
const SHOWN = ['ants, "red"', '\\u001b]0;title\\u0007bees'];

const home = temporaryFolder();
let photos: string;

beforeAll(async () => {
  photos = await colourPhotos(0, 2, {
    'val/red/cut.jpg': (await colourPhoto('red', 0)).subarray(0, 600),
    'val/x.heic': '',
  });
  const model = await cifarResnet20({ numClasses: 2, seed: 1 });
  const transforms = classificationTransforms(imagenetPreset(32, 32));
  await saveModel(join(home, 'model'), { model, name: 'cifarResnet20', classes: CLASSES, transforms });
});

const run = (...args: string[]): Promise<Outcome> => regraft(['predict', ...args], home);

/** With something on standard input. */
function piped(input: string | Uint8Array, ...args: string[]): Promise<{ code: number | null; stdout: string }> {
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const flags = ['--import', import.meta.resolve('tsx'), '--conditions=regraft-source', main, 'predict'];
  const child = spawn(process.execPath, [...flags, ...args], { cwd: home, stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.end(input);
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  return new Promise((done) => child.on('close', (code) => done({ code, stdout })));
}

describe('predict', () => {
  test('a folder: a line a photo, what cannot be read on stderr, exit code 1', async () => {
    const { code, stdout, stderr } = await run('model', join(photos, 'val'));
    expect(code).toBe(1);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => line.slice(0, 11).trim())).toEqual(
      ['blue', 'green', 'red'].flatMap((colour) => [`${colour}/0.jpg`, `${colour}/1.jpg`]),
    );
    for (const line of lines) {
      expect(SHOWN).toContain(line.slice(13).replace(/ +[\d.]+ %$/, ''));
      expect(line).not.toContain('\u001b');
    }
    expect(stderr).toBe(
      'Left out:\n  1  HEIC, which is not read: save as JPEG (x.heic)\n' +
        `DataError: ${photos}/val/red/cut.jpg: is truncated or damaged. Remove it or replace it.\n`,
    );
  });

  test('CSV: quoted cells, classes beside each other', async () => {
    const { code, stdout } = await run('model', join(photos, 'val/red/0.jpg'), '--csv', '--top', '2');
    expect(code).toBe(0);
    const [head, row] = stdout.trimEnd().split('\n');
    expect(head).toBe('file,label,probability,label_2,probability_2');
    expect(row).toMatch(/^\S+red\/0\.jpg,/);
    expect(row).toContain(',"ants, ""red""",');
    expect(row).toContain(`,${SHOWN[1]},`);
  });

  test('JSON: exact names, five classes at most, an array also of nothing', async () => {
    const { stdout } = await run('model', join(photos, 'val/red/0.jpg'), join(photos, 'val/blue/0.jpg'), '--json');
    const predictions = JSON.parse(stdout);
    expect(predictions.map((p: { file: string }) => p.file)).toEqual([
      `${photos}/val/red/0.jpg`,
      `${photos}/val/blue/0.jpg`,
    ]);
    expect(predictions[0].top.map((t: { label: string }) => t.label).sort()).toEqual([...CLASSES].sort());
    const none = await run('model', join(photos, 'val/red/cut.jpg'), '--json');
    expect(none).toMatchObject({ code: 1, stdout: '[]\n' });
  });

  test('nothing to classify is told before a model is opened', async () => {
    expect(await run('nowhere', 'nothing.jpg')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'DataError: nothing.jpg: there is no such file. Check the path.\n',
    });
  });

  test('standard input: a list, or an image', async () => {
    const list = ['val/red/1.jpg', 'val/blue/1.jpg'].map((name) => join(photos, name));
    const [lines, nul, image] = await Promise.all([
      piped(`${list.join('\n')}\n`, 'model', '-'),
      piped(`${list.join('\0')}\0`, 'model', '-', '--csv'),
      piped(readFileSync(list[0]!), 'model', '-', '--json'),
    ]);
    expect(lines.stdout.split('\n').map((line) => line.split(' ')[0])).toEqual(['red/1.jpg', 'blue/1.jpg', '']);
    expect(nul.stdout.split('\n').map((line) => line.split(',')[0])).toEqual(['file', ...list, '']);
    expect(JSON.parse(image.stdout)[0].file).toBe('-');
    expect(lines.code! + nul.code! + image.code!).toBe(0);
  });

  test('URLs, and a gallery that holds its photos', async () => {
    const photo = readFileSync(join(photos, 'val/green/0.jpg'));
    const server = createServer((request, response) => {
      if (request.url === '/green.jpg') response.end(photo);
      else response.writeHead(404).end();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { code, stdout, stderr } = await run(
      ...['model', `${address}/green.jpg`, `${address}/none.jpg`, '--gallery', 'new.html'],
    );
    server.close();
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`^${address}/green.jpg +\\S.+ %\n$`));
    expect(stderr).toBe(
      `DataError: ${address}/none.jpg: cannot be fetched (the server answered 404 Not Found). Check the address.\n` +
        'The gallery is in new.html.\n',
    );
    const page = readFileSync(join(home, 'new.html'), 'utf8');
    expect(page.match(/<img src="data:image\/jpeg;base64,/g)).toHaveLength(1);
    expect(page).toContain('<h2>1\u00a0file could not be read</h2>');
    expect(page).not.toMatch(/(src|href)="http/);
    expect(page).not.toContain('\u001b');
  });

  test('weights that give no numbers are a fault', async () => {
    const { state, metadata } = await readWeightFile(join(home, 'model/model.safetensors'));
    (state.get('linear.bias')!.data as Float32Array).fill(Number.NaN);
    await writeWeights(join(home, 'broken.safetensors'), state, { metadata });
    const photo = join(photos, 'val/red/0.jpg');
    expect(await run('broken.safetensors', photo)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `RegraftError: ${photo}: cifarResnet20 gives no numbers (NaN): its weights are not usable. Train it again, at a lower learning rate.\n`,
    });
  });
});

test.skipIf(!sharedData)('SqueezeNet 1.1 knows 16 photos by name (needs REGRAFT_DATA)', async () => {
  const { stdout, code } = await run(
    'squeezenet1_1',
    '--weights',
    join(sharedData!, 'weights/squeezenet1_1.pth'),
    join(sharedData!, 'photos'),
  );
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(16);
  for (const line of lines) {
    const [, name] = /^n\d+_(\S+)\.JPEG/.exec(line)!;
    expect(line).toContain(` ${name!.replaceAll('_', ' ')} `);
  }
});
