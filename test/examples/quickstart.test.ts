/** The quickstart, made small, and the weights that it starts from. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { draw, SIDE } from '../../examples/quickstart/draw.ts';
import { PRETRAINING_SUBJECTS } from '../../examples/quickstart/pretraining-subjects.ts';
import { SUBJECTS } from '../../examples/quickstart/subjects.ts';
import { digest, TRUNK } from '../../examples/quickstart/trunk.ts';
import { Generator } from '../../src/core/random.ts';
import { readWeightFile } from '../../src/io/read.ts';
import { SmallResNet } from '../../src/models/small-resnet.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('npm run quickstart, with few pictures and one epoch', () => {
  let out: string;
  let printed: string;
  beforeAll(async () => {
    out = await mkdtemp(join(tmpdir(), 'regraft-quickstart-'));
    const options = ['--out', out, '--epochs', '1', '--train', '4', '--test', '3'];
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=regraft-source', '--import', 'tsx', 'examples/quickstart.ts', ...options],
      { cwd: root },
    );
    printed = stdout;
  }, 120_000);
  afterAll(() => rm(out, { recursive: true, force: true }));

  test('prints both accuracies, what was frozen and where the report is', () => {
    expect(printed).toMatch(
      /new pictures, having learned from the same 24:\n {2}transfer learning +\d+(\.\d)? % {2}after 1 epoch\n {2}from scratch +\d+(\.\d)? % {2}after 3 epochs\n +\d+(\.\d)? % {2}on the 24 that it learned from\n/,
    );
    expect(printed).toContain('Frozen    54 tensors (1.2 MB), the same byte for byte');
    expect(printed).toContain(`Report    ${join(out, 'report.html')}`);
  });

  test('leaves its pictures and a report with both curves', async () => {
    expect(await readdir(join(out, 'photos/train'))).toEqual(Object.keys(SUBJECTS).sort());
    expect(await readdir(join(out, 'photos/test/fish'))).toEqual(['01.png', '02.png', '03.png']);
    const report = await readFile(join(out, 'report.html'), 'utf8');
    expect(report).toMatch(
      /The same network <b>from scratch<\/b> reached <b>[^<]+<\/b> in 3\u00a0epochs, and [^<]+ of the images/,
    );
    expect(report.replaceAll(/<\/?span>/g, '')).toContain(
      `npm run quickstart -- --epochs 1 --train 4 --test 3 --out ${out}`,
    );
    for (const part of ['drawing the pictures', 'where shaders are compiled', 'validation'])
      expect(report).toContain(part);
    expect(report).not.toContain('peak GPU memory');
  });
});

describe('trunk.safetensors', () => {
  test('is what its metadata says', async () => {
    const { state, metadata } = await readWeightFile(TRUNK);
    expect(metadata.sha256_of_tensors).toBe(digest(state));
    expect(metadata.classes?.split(' ')).toEqual(Object.keys(PRETRAINING_SUBJECTS));
    expect((await stat(TRUNK)).size).toBeLessThan(1_000_000);
    const floats = [...state].filter(([name]) => !name.endsWith('num_batches_tracked'));
    expect(new Set(floats.map(([, { dtype }]) => dtype))).toEqual(new Set(['float16']));

    const model = new SmallResNet({ numClasses: Object.keys(PRETRAINING_SUBJECTS).length });
    model.loadStateDict(state);
    expect(String(model.parameters().reduce((sum, { size }) => sum + size, 0))).toBe(metadata.parameters);
  });

  test('has not seen the quickstart’s classes', () => {
    expect(Object.keys(SUBJECTS).filter((name) => name in PRETRAINING_SUBJECTS)).toEqual([]);
  });
});

describe('pictures', () => {
  test.each(Object.entries({ ...SUBJECTS, ...PRETRAINING_SUBJECTS }))(
    '%s shows something, the same for the same seed',
    (_, subject) => {
      const { data } = draw(subject, new Generator(7));
      expect(data.length).toBe(SIDE * SIDE * 3);
      expect(Buffer.compare(draw(subject, new Generator(7)).data, data)).toBe(0);
      expect(Buffer.compare(draw(subject, new Generator(8)).data, data)).not.toBe(0);
      const mean = data.reduce((a, b) => a + b, 0) / data.length;
      expect(Math.sqrt(data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length)).toBeGreaterThan(5);
    },
  );
});
