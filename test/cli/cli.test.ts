/** The command line as a process: what it prints, its exit codes, what it leaves behind. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { writeWeights } from '../../src/io/index.ts';
import { temporaryFolder } from '../data/photos.ts';
import { colourPhoto, colourPhotos, someWeights } from '../runs/colour-photos.ts';
import { type Outcome, regraft } from './regraft.ts';

let photos: string;
let weights: string;
/** Where the commands run. */
let home: string;

beforeAll(async () => {
  home = temporaryFolder();
  weights = await someWeights();
  photos = await colourPhotos(6, 3, {
    'train/red/zero.jpg': '',
    'val/red/notes.txt': 'sunny',
    'val/red/phone.heic': 'x',
    'train/red/cut.jpg': (await colourPhoto('red', 0)).subarray(0, 600),
    'train/red/cmyk.jpg': await sharp({ create: { width: 40, height: 40, channels: 3, background: '#c33' } })
      .toColourspace('cmyk')
      .jpeg()
      .toBuffer(),
    'train/blue/deep.png': await sharp(Buffer.alloc(6 * 40 * 40, 0x55), {
      raw: { width: 40, height: 40, channels: 3, premultiplied: false },
    })
      .toColourspace('rgb16')
      .png()
      .toBuffer(),
  });
});

const run = (...args: string[]): Promise<Outcome> => regraft(args, home);

describe('finetune, predict, evaluate', () => {
  test('a folder of photos to predictions', async () => {
    const { code, stdout, stderr } = await run(
      ...['finetune', photos, '--model', 'cifarResnet20', '--weights', weights],
      ...['--epochs', '6', '--batch-size', '8', '--lr', '0.02', '--out', 'runs/colours'],
    );
    expect(code, stderr).toBe(0);
    expect(readdirSync(join(home, 'runs/colours')).sort()).toEqual([
      'checkpoint.safetensors',
      'metrics.json',
      'model.json',
      'model.safetensors',
      'report.html',
    ]);
    expect(stdout).toMatch(
      /^\n[\d.]+ % of 9 validation images are classified correctly \(epoch \d of 6, the best, was kept\)\./,
    );
    expect(stdout).toMatch(
      /^The part of the network that was to stay as it is did: its 114 tensors \([\d.]+ MB\) are the same, byte for byte\.$/m,
    );
    expect(stdout).toContain('2 unreadable images were skipped.');
    expect(stdout).toContain('Use it:      npx regraft predict runs/colours photo.jpg');
    expect(stderr).toContain('Skipped train/red/zero.jpg: is empty (0 bytes). Remove it or replace it.\n');
    expect(stderr).toContain('Skipped train/red/cut.jpg: is truncated or damaged. Remove it or replace it.\n');
    expect(stderr).toMatch(/^Epoch 6\/6: loss [\d.]+, accuracy [\d.]+ %, [\d,.]+ images\/s, [\d.]+ s$/m);
    const metrics = JSON.parse(readFileSync(join(home, 'runs/colours/metrics.json'), 'utf8'));
    expect(metrics.data).toMatchObject({ trainImages: 20, validationImages: 9, classes: ['blue', 'green', 'red'] });

    const [table, json, scores] = await Promise.all([
      run('predict', 'runs/colours', join(photos, 'val/red/0.jpg'), join(photos, 'train/red/zero.jpg'), '--top', '2'),
      run('predict', 'runs/colours', join(photos, 'val/red/0.jpg'), join(photos, 'val/blue/0.jpg'), '--json'),
      run('evaluate', 'runs/colours', photos, '--json'),
    ]);
    // The readable one is classified, the other named.
    expect(table.code).toBe(1);
    expect(table.stdout).toMatch(/^val\/red\/0\.jpg +\w+ +[\d.]+ % {2}\w+ +[\d.]+ %\n$/);
    expect(table.stderr).toBe(
      `DataError: ${photos}/train/red/zero.jpg: is empty (0 bytes). Remove it or replace it.\n`,
    );
    expect(json.code, json.stderr).toBe(0);
    const predictions = JSON.parse(json.stdout);
    expect(predictions.map((p: { file: string }) => p.file)).toEqual(
      ['red', 'blue'].map((c) => `${photos}/val/${c}/0.jpg`),
    );
    for (const { top } of predictions) {
      expect(top.map((t: { label: string }) => t.label).sort()).toEqual(['blue', 'green', 'red']);
      expect(top.reduce((n: number, t: { probability: number }) => n + t.probability, 0)).toBeCloseTo(1, 6);
    }
    expect(scores.code, scores.stderr).toBe(0);
    expect(scores.stderr).toContain(
      'Left out:\n' +
        '  22  in train, which is not used (train/blue/0.jpg …)\n' +
        '   1  no images (.txt) (val/red/notes.txt)\n' +
        '   1  HEIC, which is not read: save as JPEG (val/red/phone.heic)\n',
    );
    const { accuracy, perClass, confusion, images } = JSON.parse(scores.stdout);
    expect(images).toBe(9);
    expect(accuracy).toBeCloseTo(metrics.evaluation.accuracy, 10);
    expect(confusion).toEqual(metrics.evaluation.confusion);
    expect(perClass.map((c: { label: string; support: number }) => [c.label, c.support])).toEqual([
      ['blue', 3],
      ['green', 3],
      ['red', 3],
    ]);
  });

  test('Ctrl-C leaves a checkpoint and nothing else, and --resume goes on from it', async () => {
    const options = ['--model', 'cifarResnet20', '--weights', weights, '--epochs', '3', '--batch-size', '8'];
    const stopped = await regraft(['finetune', photos, ...options, '--out', 'stopped'], home, (child, stderr) => {
      if (stderr.includes('Epoch 2/3')) child.kill('SIGINT');
    });
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toMatch(
      new RegExp(
        `\nStopped. Go on with: npx regraft finetune ${photos} --out stopped --resume\nOr save the best so far with: npx regraft finetune ${photos} --out stopped --finish\n$`,
      ),
    );
    expect(readdirSync(join(home, 'stopped'))).toEqual(['checkpoint.safetensors']);
    const resumed = await run('finetune', photos, '--out', 'stopped', '--resume', '--json');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(resumed.stderr).toMatch(/^Goes on after epoch [12] of 3\.$/m);
    expect(JSON.parse(resumed.stdout)).toMatchObject({ history: { length: 3 }, frozen: { changedBytes: 0 } });
  });
});

/** Runs all rows, two at a time (so no two may write to one place): each takes a second or two to start. A text without a line's end is the line's beginning. */
async function expectAll(rows: readonly (readonly [args: string, code: number, stderr: string])[]): Promise<void> {
  const outcomes: unknown[] = [];
  for (let i = 0; i < rows.length; i += 2)
    outcomes.push(
      ...(await Promise.all(
        rows.slice(i, i + 2).map(async ([args, , text]) => {
          const { code, stdout, stderr } = await run(...args.split(' '));
          const output = stdout + stderr;
          const oneLine = code !== 1 || output.indexOf('\n') === output.length - 1;
          return [args, code, oneLine && !text.endsWith('\n') ? output.slice(0, text.length) : output];
        }),
      )),
    );
  expect(outcomes).toEqual(rows);
}

describe('faults', () => {
  test('of the input: one line, exit code 1, nothing left behind', async () => {
    const w = (name: string, bytes: string | Uint8Array) => {
      writeFileSync(join(home, name), bytes);
      return name;
    };
    mkdirSync(join(home, 'empty'));
    mkdirSync(join(home, 'one/ants'), { recursive: true });
    writeFileSync(join(home, 'one/ants/1.jpg'), await colourPhoto('red', 0));
    w('cut.safetensors', readFileSync(weights).subarray(0, 5000));
    w('empty.pth', '');
    const before = readdirSync(home).sort();
    const model = '--model cifarResnet20';
    await expectAll([
      [
        `finetune empty ${model} --weights ${weights} --out x1`,
        1,
        'DataError: empty: is empty. Put the images of each class into a sub-folder of its own.\n',
      ],
      [
        `finetune one ${model} --weights ${weights} --out x2`,
        1,
        "DataError: one: has one class only ('ants'); a classifier needs two or more class folders.\n",
      ],
      [
        `finetune nowhere ${model} --weights ${weights} --out x3`,
        1,
        'DataError: nowhere: does not exist. Expected a folder with one sub-folder of images for each class.\n',
      ],
      [
        `finetune ~/photos ${model} --weights ${weights} --out x3`,
        1,
        "DataError: ~/photos: does not exist. Expected a folder with one sub-folder of images for each class. A quoted ~ is a file's name: leave the quotes out, or write the home folder in full.\n",
      ],
      [
        `finetune ${photos} --model squeznet1_1 --out x4`,
        1,
        "ArgumentError: model: there is no network 'squeznet1_1'. Close names: squeezenet1_1.\n",
      ],
      [
        `finetune ${photos} ${model} --weights nowhere.pth --out x5`,
        1,
        'WeightFileError: nowhere.pth: there is no such file. Check the path.\n',
      ],
      [
        `finetune ${photos} ${model} --weights empty.pth --out x6`,
        1,
        'WeightFileError: empty.pth: is empty (0 bytes). Download or save it again.\n',
      ],
      [
        `predict cifarResnet20 --weights cut.safetensors ${photos}/val/red/0.jpg`,
        1,
        'WeightFileError: cut.safetensors: ',
      ],
      [
        `predict nowhere/model ${photos}/val/red/0.jpg`,
        1,
        'ArgumentError: nowhere/model: there is no such file or folder; expected the folder of a fine-tuned model, as regraft finetune --out writes it.\n',
      ],
      [
        `convert ${weights} x.safetensors --model cifarResnet32`,
        1,
        `WeightFileError: ${weights}: these are the weights of cifarResnet20, not of cifarResnet32. Name cifarResnet20 instead.\n`,
      ],
      [
        `convert ${weights} x.jpeg`,
        1,
        "ArgumentError: writeWeights: '.jpeg' is no format that can be written (x.jpeg). Use ",
      ],
    ]);
    expect(readdirSync(home).sort()).toEqual(before);
  });

  test('of usage: exit code 2', async () => {
    const hint = (command: string) => `(regraft ${command}--help explains)\n`;
    await expectAll([
      ['nix', 2, `regraft: unknown command 'nix'\n${hint('')}`],
      ['\u001b[31mnix', 2, `regraft: unknown command '\\u001b[31mnix'\n${hint('')}`],
      ['finetune', 2, `regraft: missing required argument 'photos'\n${hint('finetune ')}`],
      [
        'finetune photos --epochs 0',
        2,
        `regraft: option '--epochs <n>' argument '0' is invalid. Expected a whole number, 1 or more.\n${hint('finetune ')}`,
      ],
      [
        'finetune photos --precision half',
        2,
        `regraft: option '--precision <name>' argument 'half' is invalid. Allowed choices are float32, float16.\n${hint('finetune ')}`,
      ],
      [
        'finetune photos --validation 1',
        2,
        `regraft: option '--validation <share>' argument '1' is invalid. Expected a number from 0 to below 1: 0.2 is a fifth.\n${hint('finetune ')}`,
      ],
      [
        'finetune photos --resume',
        2,
        `regraft: option '--resume' needs '--out <folder>', the folder of the interrupted run\n${hint('finetune ')}`,
      ],
      [
        'predict runs --weight x a.jpg',
        2,
        `regraft: unknown option '--weight'\n(Did you mean --weights?)\n${hint('predict ')}`,
      ],
    ]);
  });
});

describe('other commands', () => {
  test('convert prints the mapping and writes the file', async () => {
    const { code, stdout } = await run(
      'convert',
      weights,
      'half.safetensors',
      '--model',
      'cifarResnet20',
      '--classes',
      '10',
      '--dtype',
      'float16',
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^conv1\.weight +\[16, 3, 3, 3\] +float32 -> float16$/m);
    expect(stdout).toMatch(/safetensors -> safetensors: 116 tensors, [\d,]+ bytes\.\n$/);
    expect(existsSync(join(home, 'half.safetensors'))).toBe(true);
  });

  test('summary shows what is frozen', async () => {
    const [table, json] = await Promise.all([
      run('summary', 'resnet50', '--freeze-until', 'layer4', '--depth', '1'),
      run('summary', 'resnet50', '--freeze-until', 'layer4', '--json'),
    ]);
    expect(table.code).toBe(0);
    expect(table.stdout).toMatch(/^layer3 +Sequential +\[1, 1024, 14, 14\] +7,098,368 +frozen$/m);
    expect(table.stdout).toMatch(/^layer4 +Sequential +\[1, 2048, 7, 7\] +14,964,736 +trainable$/m);
    const { parameters, tensors } = JSON.parse(json.stdout);
    expect(parameters).toEqual({ total: 25_557_032, trainable: 14_964_736 + 2_049_000 });
    expect(tensors[0]).toEqual({ name: 'conv1.weight', shape: [64, 3, 7, 7], frozen: true });
  });

  test('summary opens no adapter', async () => {
    vi.stubEnv('REGRAFT_ADAPTER', 'none-such');
    const running = run('summary', 'squeezenet1_1', '--depth', '1').finally(() => vi.unstubAllEnvs());
    const { code, stdout, stderr } = await running;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^features +Sequential +\[1, 512, 13, 13\] +722,496 +trainable$/m);
  });

  test('summary tells the network of a file of weights', async () => {
    const { code, stdout, stderr } = await run('summary', weights, '--depth', '1');
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^conv1 +Conv2d +\[1, 16, 32, 32\]/m);
  });

  test('a folder without a model is no file of weights, and no network', async () => {
    const odd = { data: new Float32Array(2), shape: [2], dtype: 'float32' as const };
    await writeWeights(join(home, 'odd.safetensors'), new Map([['w', odd]]));
    await expectAll([
      [
        `inspect ${photos}`,
        1,
        `ArgumentError: ${photos}: is a folder without model.json and model.safetensors; expected a weight file or the folder of a fine-tuned model.\n`,
      ],
      [
        `convert ${photos} x.onnx`,
        1,
        `ArgumentError: ${photos}: is a folder without model.json and model.safetensors; expected a weight file or the folder of a fine-tuned model.\n`,
      ],
      [
        `summary odd.safetensors`,
        1,
        'ArgumentError: odd.safetensors: holds weights of no network that regraft knows by their names. If they are of one, name it: npx regraft summary NETWORK --weights odd.safetensors\n',
      ],
      [
        `summary none-such`,
        1,
        "ArgumentError: model: there is no network, file or folder 'none-such'. There are cifarResnet20",
      ],
      [
        `summary ${weights} --weights ${weights}`,
        1,
        `ArgumentError: --weights: ${weights} has weights of its own. Leave one of the two out.\n`,
      ],
    ]);
  });

  test('summary --keras prints Keras’s table, of a network or of nothing but a file', async () => {
    const [table, absent] = await Promise.all([
      run('summary', 'keras.ResNet50', '--freeze-until', 'avg_pool'),
      run('summary', 'no-such.keras'),
    ]);
    expect(table.stdout).toMatch(
      /^│ conv1_pad \(ZeroPadding2D\) +│ \(None, 230, 230, 3\) +│ +0 │ input_layer\[0\]\[0\] +│$/m,
    );
    expect(table.stdout).toContain(' Trainable params: 2,049,000 (7.82 MB)');
    expect(absent.code).toBe(1);
    expect(absent.stderr).toBe('WeightFileError: no-such.keras: there is no such file. Check the path.\n');
  });

  test('doctor finds an adapter that computes correctly', async () => {
    const { code, stdout } = await run('doctor', '--json');
    expect(code).toBe(0);
    const { adapters, chosen, check } = JSON.parse(stdout);
    expect(adapters.filter((a: { status: string }) => a.status === 'chosen')).toHaveLength(1);
    expect(chosen.limits.maxBufferSize).toBeGreaterThan(1 << 27);
    expect(check.correct).toBe(true);
  });

  test('an adapter that is not there is a fault', async () => {
    const { code, stderr } = await run(
      'predict',
      'cifarResnet20',
      '--weights',
      weights,
      `${photos}/val/red/0.jpg`,
      '--adapter',
      'nix',
    );
    expect(code).toBe(1);
    // Before it stands a note on the images' size, which this file does not tell.
    expect(stderr).toMatch(
      /^DeviceError: init: found no adapter 'nix' \(.+\)\. There (is|are) '.+': instead of 'nix' name a part of that as --adapter, REGRAFT_ADAPTER or init\(\{ adapter \}\), or 'auto' for the best\.\n$/m,
    );
  });

  test('help names every command and gives an example', async () => {
    const { code, stdout } = await run('help', 'finetune');
    expect(code).toBe(0);
    expect(stdout).toContain('--freeze-until <module>');
    expect(stdout).toContain('Examples:\n  regraft finetune photos\n');
    expect(stdout).toContain('--adapter <name>');
  });
});
