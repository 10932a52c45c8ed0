/** The life of a run: its folder, its lock, more epochs, an early end, another run as start, damaged checkpoints. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { init } from '../../src/index.ts';
import { readWeightFile } from '../../src/io/read.ts';
import { type FinetuneOptions, finetune } from '../../src/runs/finetune.ts';
import { takeFolder } from '../../src/runs/folder.ts';
import { lockRun } from '../../src/runs/folder-lock.ts';
import { openModel } from '../../src/runs/open-model.ts';
import { presetOf } from '../../src/runs/start.ts';
import { writeFolder } from '../../src/runs/write-folder.ts';
import { classFactors } from '../../src/tasks/image-classification/class-weights.ts';
import type { Progress } from '../../src/train/progress.ts';
import { faultOf, photoFolder, temporaryFolder } from '../data/photos.ts';
import { CLASSES, colourPhoto, colourPhotos } from './colour-photos.ts';
import { copyOf, type FinishedRun, finishedRun, outFolder } from './finished-run.ts';

let photos: string;
let finished: string;
let options: FinishedRun['options'];

beforeAll(async () => {
  await init();
  ({ photos, finished, options } = await finishedRun());
}, 60_000);

/** A display that keeps its notes. */
function listening(): { notes: string[]; progress: Progress } {
  const notes: string[] = [];
  return { notes, progress: { start() {}, update() {}, end() {}, note: (text) => notes.push(text) } };
}

describe('before training', () => {
  test('tells the photos and what is trained', async () => {
    const { notes, progress } = listening();
    await finetune(options({ freezeUntil: 'layer3', progress, epochs: 3 }));
    expect(notes.slice(0, 8)).toEqual([
      'Task: image-classification, by the names of the folders.',
      '           training  validation',
      'blue              4           2',
      'green             4           2',
      'red               4           2',
      '3 classes        12           6',
      `Validation: the photos in ${join(photos, 'val')}.`,
      'Training: the last layer for 1 epoch, then everything from layer3 on for 2 epochs. The rest of the network stays as it is.',
    ]);
  });

  test('an out folder that cannot be written is told before a photo is read', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, 'mine');
    const out = join(file, 'runs', 'x');
    expect(await faultOf(() => finetune(options({ out, photos: '/no/photos' })), file)).toBe(
      'RegraftError: ROOT/runs/x: cannot be written: a part of its path is a file, not a folder. Choose another folder.',
    );
    expect(await faultOf(() => finetune(options({ out: file })), file)).toBe(
      'ArgumentError: ROOT: is a file; expected a folder for the model.',
    );
  });

  test('what is wrong later leaves no folder behind', async () => {
    const out = join(outFolder(), 'deep', 'er');
    expect(await faultOf(() => finetune(options({ out, photos: '/no/photos' })))).toMatch(/^DataError: \/no\/photos: /);
    expect(existsSync(join(out, '..', '..'))).toBe(false);
  });

  test('a model that will be replaced is named', async () => {
    const out = copyOf(finished);
    const { notes, progress } = listening();
    await finetune(options({ out, epochs: 1, progress }));
    expect(notes[0]).toMatch(
      / holds a model of \d{1,2} \w{3,4} \d{4} \(blue, green, red\), which this run replaces when it is done\.$/,
    );
  });
});

describe('one run to a folder', () => {
  test('a second one is refused, and the folder is free again afterwards', async () => {
    const out = outFolder();
    const release = lockRun(out);
    expect(await faultOf(() => finetune(options({ out })), out)).toBe(
      `ArgumentError: ROOT: another run is at work there (process ${process.pid} on ${hostname()}). Wait for it, end it, or choose another folder.`,
    );
    release();
    expect(existsSync(out)).toBe(false);
  });

  test.each([
    ['of a process that is gone', { pid: 2 ** 22 + 1, host: hostname() }, 0],
    ['of a process of this number that was another', { pid: process.pid, host: hostname() }, 0],
    ['that nobody has touched for long', { pid: 1, host: 'elsewhere' }, 3600],
    ['that is damaged', null, 0],
  ])('a lock %s is left over', (_, holder, age) => {
    const out = temporaryFolder();
    const lock = join(out, 'run.lock');
    writeFileSync(lock, JSON.stringify(holder));
    const then = new Date(Date.now() - age * 1000);
    utimesSync(lock, then, then);
    lockRun(out)();
    expect(readdirSync(out)).toEqual([]);
  });

  test.skipIf(process.platform === 'win32')(
    'what stands where the lock and the model should be is not waited for',
    async () => {
      const out = temporaryFolder();
      for (const name of ['run.lock', 'model.json', 'model.safetensors']) execFileSync('mkfifo', [join(out, name)]);
      const { release, replaced } = await takeFolder(out);
      expect(replaced).toMatch(/^.+ holds a model of .+, which this run replaces when it is done\.$/);
      release();
      expect(readdirSync(out).sort()).toEqual(['model.json', 'model.safetensors']);
      mkdirSync(join(out, 'run.lock'));
      expect(await faultOf(() => takeFolder(out), out)).toBe(
        'RegraftError: ROOT: cannot be written: it is a folder. Choose another folder.',
      );
    },
  );

  test('a run that stood still while another took its folder writes nothing more there', async () => {
    const out = outFolder();
    const other = JSON.stringify({ pid: process.ppid, host: hostname(), run: 'other' });
    const onEpoch = () => writeFileSync(join(out, 'run.lock'), other);
    expect(await faultOf(() => finetune(options({ out, epochs: 3, onEpoch })), out)).toBe(
      'ArgumentError: ROOT: another run has begun there while this one stood still. Wait for it or choose another folder; nothing of this one is written any more.',
    );
    expect(readFileSync(join(out, 'run.lock'), 'utf8')).toBe(other);
    expect(readdirSync(out).sort()).toEqual(['checkpoint.safetensors', 'run.lock']);
  });

  test('on another machine a run that is at work is told too', async () => {
    const out = temporaryFolder();
    writeFileSync(join(out, 'run.lock'), JSON.stringify({ pid: 7, host: 'elsewhere' }));
    expect(await faultOf(() => lockRun(out), out)).toBe(
      'ArgumentError: ROOT: another run is at work there (process 7 on elsewhere). Wait for it, end it, or choose another folder.',
    );
  });

  test('what a killed run left behind goes', () => {
    const out = temporaryFolder();
    mkdirSync(join(out, '.writing-1'));
    writeFileSync(join(out, '.writing-1', 'model.safetensors'), 'half');
    lockRun(out)();
    expect(readdirSync(out)).toEqual([]);
  });

  test('a fault names the file that was to be, not the temporary one', async () => {
    const out = temporaryFolder();
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const failing = (error: Error) => faultOf(() => writeFolder(out, () => Promise.reject(error)), out);
    expect(await failing(full)).toBe('RegraftError: ROOT: cannot be written: the disk is full. Choose another folder.');
    const { RegraftError } = await import('../../src/core/errors.ts');
    const fault = faultOf(
      () =>
        writeFolder(out, async (temporary) => {
          throw new RegraftError(`${join(temporary, 'model.safetensors')}: cannot be written: the disk is full.`);
        }),
      out,
    );
    expect(await fault).toBe('RegraftError: ROOT/model.safetensors: cannot be written: the disk is full.');
  });
});

describe('after the end', () => {
  test('more epochs go on where the last one ended, at the rate of the longer run', async () => {
    const out = copyOf(finished);
    const { notes, progress } = listening();
    const longer = await finetune({ photos, out, resume: true, epochs: 8, progress });
    expect(notes[0]).toBe('Goes on after epoch 4 of 8.');
    expect(longer.history.map((r) => r.epoch)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const whole = await finetune(options({ epochs: 8 }));
    expect(longer.history.slice(4).map((r) => r.learningRate)).toEqual(
      whole.history.slice(4).map((r) => r.learningRate),
    );
    expect(longer.reproduce).toContain('--epochs 8 --head-epochs 8 ');
    expect((await finetune({ photos, out, resume: true })).history).toEqual(longer.history);
  });

  test('fewer are refused, and so are more after an early stop', async () => {
    const out = copyOf(finished);
    expect(await faultOf(() => finetune({ photos, out, resume: true, epochs: 3 }), out)).toBe(
      'ArgumentError: ROOT: cannot be resumed for 3 epochs in all: 4 are done. Ask for more, or finish it as it is.',
    );
    const early = outFolder();
    const stopped = await finetune(options({ out: early, epochs: 9, patience: 1, lr: 3 }));
    expect(stopped.history.length).toBeLessThan(9);
    expect(await faultOf(() => finetune({ photos, out: early, resume: true, epochs: 12 }), early)).toBe(
      'ArgumentError: ROOT: stopped early, after 1 epochs without a better validation loss. To go on, give a patience above 1, or 0 for no end.',
    );
    const more = await finetune({ photos, out: early, resume: true, epochs: stopped.history.length + 2, patience: 0 });
    expect(more.history.length).toBe(stopped.history.length + 2);
  });

  test('finish saves the best so far of an interrupted run, which can go on later', async () => {
    const out = outFolder();
    const stop = new AbortController();
    const onEpoch: FinetuneOptions['onEpoch'] = (r) => r.epoch === 3 && stop.abort(new Error('stopped'));
    const begun = finetune(options({ out, freezeUntil: 'layer3', headEpochs: 2, signal: stop.signal, onEpoch }));
    await expect(begun).rejects.toThrow('stopped');
    const { notes, progress } = listening();
    const result = await finetune({ photos, out, finish: true, progress });
    expect(notes[0]).toBe('Ends after epoch 3 of 4, with the best so far.');
    expect(result.history.length).toBe(3);
    expect(result.evaluation!.accuracy).toBe(Math.max(...result.history.map((r) => r.validationAccuracy!)));
    expect((await openModel(out)).classes).toEqual(CLASSES);
    expect((await finetune({ photos, out, resume: true })).history.length).toBe(4);
  });

  test('a run may start from the folder of another: its head is kept for the classes that it knows', async () => {
    const before = (await readWeightFile(join(finished, 'model.safetensors'))).state.get('linear.weight')!;
    const out = outFolder();
    const same = listening();
    const tiny = { photos, lr: 1e-30, optimizer: 'sgd', momentum: 0, weightDecay: 0, epochs: 1, batchSize: 6 } as const;
    const kept = await finetune({ ...tiny, weights: finished, out, progress: same.progress });
    expect(same.notes[0]).toBe(`Starts from ${finished}, with its head: it knows all classes.`);
    const after = (await readWeightFile(join(out, 'model.safetensors'))).state.get('linear.weight')!;
    expect(after.data).toEqual(before.data);
    expect(kept.model).toMatchObject({ name: 'cifarResnet20', weights: { source: finished } });

    const others = await photoFolder(
      Object.fromEntries(
        await Promise.all(
          ['red', 'violet', 'blue'].flatMap((name, c) =>
            [0, 1, 2, 3, 4].map(async (i) => [`${name}/${i}.jpg`, await colourPhoto('red', 9 * c + i)] as const),
          ),
        ),
      ),
    );
    const some = listening();
    const more = outFolder();
    await finetune({
      ...tiny,
      photos: others,
      model: join(finished, 'model.safetensors'),
      out: more,
      progress: some.progress,
    });
    expect(some.notes[0]).toBe(
      `Starts from ${join(finished, 'model.safetensors')}, with its head for blue, red; new: violet.`,
    );
    const mixed = (await readWeightFile(join(more, 'model.safetensors'))).state.get('linear.weight')!;
    const row = (t: typeof mixed, r: number) => [...(t.data as Float32Array).subarray(64 * r, 64 * (r + 1))];
    expect(row(mixed, 0)).toEqual(row(before, 0));
    expect(row(mixed, 1)).toEqual(row(before, 2));
    expect(row(mixed, 2)).not.toEqual(row(before, 1));

    expect(await faultOf(() => finetune({ ...tiny, weights: finished, out: finished }), finished)).toBe(
      'ArgumentError: ROOT: is the model that the run is to start from, and would be replaced. Choose another folder, or go on with it: resume, with more epochs.',
    );
    expect(await faultOf(() => finetune({ ...tiny, weights: finished, model: 'resnet18' }), finished)).toBe(
      'ArgumentError: finetune: ROOT is a fine-tuned cifarResnet20, not a resnet18. Leave the model out.',
    );
    expect(presetOf((await openModel(out)).transforms)).toMatchObject({ resize: 32, crop: 32 });
  });
});

test('nothing held out: the last epoch is kept, and no score is claimed', async () => {
  const flat = await colourPhotos(4, 0);
  const out = outFolder();
  const { notes, progress } = listening();
  const result = await finetune(options({ photos: join(flat, 'train'), validation: 0, out, progress, epochs: 3 }));
  expect(notes).toContain('Validation: none.');
  expect(result).toMatchObject({ bestEpoch: 3, evaluation: null, worstMistakes: [], data: { validationImages: 0 } });
  expect(result.history.every((r) => r.validationLoss === null)).toBe(true);
  expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('No images were held out');
  expect((await openModel(out)).classes).toEqual(CLASSES);
});

describe('what ends a run', () => {
  const long = { epochs: 12, patience: 2, lr: 0.02 } as const;

  test('patience waits for a better accuracy where that is asked for, and the run can be gone on with', async () => {
    const byLoss = await finetune(options(long));
    const out = outFolder();
    const { history, hyperparameters, reproduce } = await finetune(options({ ...long, out, monitor: 'accuracy' }));
    const accuracies = history.map((r) => r.validationAccuracy!);
    expect(history.length).toBe(accuracies.indexOf(Math.max(...accuracies)) + 1 + long.patience);
    expect(history.length).toBeLessThan(byLoss.history.length);
    expect(hyperparameters.monitor).toBe('accuracy');
    expect(reproduce).toContain(' --monitor accuracy ');
    expect(await faultOf(() => finetune({ photos, out, resume: true, epochs: 20 }), out)).toBe(
      'ArgumentError: ROOT: stopped early, after 2 epochs without a better accuracy. To go on, give a patience above 2, or 0 for no end.',
    );
    expect(await faultOf(() => finetune({ photos, out, resume: true, monitor: 'loss' }), out)).toBe(
      'ArgumentError: ROOT: cannot be resumed with other settings: it was begun with monitor accuracy, now loss. Leave them out, or run it without resume.',
    );
  });

  test('the best epoch goes by the loss where that is asked for; a checkpoint keeps it', async () => {
    const out = outFolder();
    const { history, bestEpoch } = await finetune(options({ out, epochs: 4, lr: 1, monitor: 'loss' }));
    const losses = history.map((r) => r.validationLoss!);
    expect(bestEpoch).toBe(losses.indexOf(Math.min(...losses)) + 1);
    expect((await finetune({ photos, out, resume: true, epochs: 5 })).history.length).toBe(5);
  });

  test('patience counts no gain that is too small', async () => {
    const { history, hyperparameters } = await finetune(options({ ...long, minDelta: 100 }));
    expect(history.length).toBe(1 + long.patience);
    expect(hyperparameters.minDelta).toBe(100);
  });

  test('another word is refused', async () => {
    expect(await faultOf(() => finetune(options({ monitor: 'top5' as 'loss' })))).toBe(
      "ArgumentError: finetune: monitor must be loss, accuracy, mAP, macroF1, r2, mae or rmse, got 'top5'.",
    );
  });
});

describe('class weights', () => {
  test('balanced: what is rare counts more', async () => {
    const labels = [8, 8, 2].flatMap((count, label) => new Array<number>(count).fill(label));
    const images = { classes: CLASSES, length: 18, label: (index: number) => labels[index]! };
    expect(classFactors('balanced', images)).toEqual([0.75, 0.75, 3]);
    const folder = await colourPhotos(8, 4);
    for (let i = 2; i < 8; i++) rmSync(join(folder, 'train', 'red', `${i}.jpg`));
    const run = (classWeights: FinetuneOptions['classWeights']) =>
      finetune(options({ photos: folder, epochs: 2, classWeights }));
    const [plain, balanced, listed] = [await run(null), await run('balanced'), await run([0.75, 0.75, 3])];
    expect(balanced.history[1]!.trainLoss).not.toBe(plain.history[1]!.trainLoss);
    expect(balanced.history[1]!.trainLoss).toBe(listed.history[1]!.trainLoss);
    expect(balanced.hyperparameters.classWeights).toBe('balanced');
    expect(listed.reproduce).toContain(' --class-weights 0.75,0.75,3 ');
    expect(plain.hyperparameters).not.toHaveProperty('classWeights');
  });

  test('faults', async () => {
    expect(await faultOf(() => finetune(options({ classWeights: [1, 2] })))).toBe(
      'ArgumentError: finetune: classWeights has 2 numbers, but there are 3 classes (blue, green, red). Give one a class, in this order.',
    );
    expect(await faultOf(() => finetune(options({ classWeights: [1, 2, -3] })))).toBe(
      "ArgumentError: finetune: classWeights must be 'balanced' or numbers above 0, one a class, got [1,2,-3].",
    );
  });
});

test('a folder whose files are of two models is refused', async () => {
  const folder = copyOf(finished);
  const path = join(folder, 'model.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"green"', '"zebra"'));
  expect(await faultOf(() => openModel(folder), folder)).toBe(
    'WeightFileError: ROOT: its model.json and model.safetensors are of two models: saving was interrupted. Finish it by npx regraft finetune with --out ROOT --resume, or save the model again.',
  );
});
