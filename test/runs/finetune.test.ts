/** Fine-tuning from end to end on small generated photos: phases, cache, resuming, saving, faults; and on real photos. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { shellWord } from '../../src/core/shell.ts';
import { hasFloat16 } from '../../src/device/adapter.ts';
import { init } from '../../src/index.ts';
import { writeWeights } from '../../src/io/write.ts';
import { modelEntry } from '../../src/models/index.ts';
import { type FinetuneOptions, finetune } from '../../src/runs/finetune.ts';
import { openModel } from '../../src/runs/open-model.ts';
import { predictImages } from '../../src/runs/predict-images.ts';
import { planPhases, warmUpCosine } from '../../src/runs/recipe.ts';
import type { FinetuneResult } from '../../src/runs/result.ts';
import { resolveSettings } from '../../src/runs/settings.ts';
import { writeFolder } from '../../src/runs/write-folder.ts';
import type { EpochRecord } from '../../src/train/history.ts';
import { faultOf, temporaryFolder } from '../data/photos.ts';
import { sharedData } from '../shared-data.ts';
import { CLASSES, colourPhotos, someWeights } from './colour-photos.ts';

let photos: string;
let weights: string;

beforeAll(async () => {
  await init();
  photos = await colourPhotos(4, 4);
  weights = await someWeights();
});

const options = (more: Partial<FinetuneOptions> = {}): FinetuneOptions => ({
  photos,
  weights,
  model: 'cifarResnet20',
  batchSize: 6,
  epochs: 4,
  ...more,
});

const outFolder = () => join(temporaryFolder(), 'out');
const losses = (result: FinetuneResult) => result.history.map((r) => [r.trainLoss!, r.validationLoss!]);

/** Within float rounding, over all epochs. */
function expectSameCurve(a: FinetuneResult, b: FinetuneResult): void {
  expect(a.history.length).toBe(b.history.length);
  const [x, y] = [losses(a).flat(), losses(b).flat()];
  for (const [i, loss] of x.entries()) expect(Math.abs(loss - y[i]!) / loss).toBeLessThan(1e-4);
}

describe('finetune', () => {
  test('trains the head on a frozen trunk, and saves a model that predicts what was measured', async () => {
    const out = outFolder();
    const result = await finetune(options({ out, epochs: 30, lr: 0.02, patience: 0 }));
    expect(readdirSync(out).sort()).toEqual([
      'checkpoint.safetensors',
      'metrics.json',
      'model.json',
      'model.safetensors',
      'report.html',
    ]);
    expect(result.phases).toMatchObject([
      { name: 'head', epochs: 30, frozenUntil: 'linear', trainableParameters: 64 * 3 + 3 },
    ]);
    expect(result.history.map((r) => r.cached)).toEqual([false, ...new Array(29).fill(true)]);
    expect(result.frozen).toMatchObject({ changedBytes: 0, tensors: 19 * 6 });
    expect(result.frozen.digestAfter).toBe(result.frozen.digestBefore);
    expect(result.evaluation!.images).toBe(12);
    expect(result.evaluation!.accuracy).toBe(result.history[result.bestEpoch - 1]!.validationAccuracy);
    expect(result.evaluation!.accuracy).toBeGreaterThan(0.6);
    const written = JSON.parse(readFileSync(join(out, 'metrics.json'), 'utf8'));
    expect(written.history).toEqual(result.history);

    const classifier = await openModel(out);
    expect(classifier.classes).toEqual(CLASSES);
    const files = CLASSES.flatMap((c) => [0, 1, 2, 3].map((i) => join(photos, 'val', c, `${i}.jpg`)));
    const { predictions } = await predictImages(classifier, files, { topK: 1 });
    const right = predictions.filter((p, k) => p.top[0]!.label === CLASSES[Math.floor(k / 4)]).length;
    expect(right / 12).toBeCloseTo(result.evaluation!.accuracy!, 10);

    const alone = await openModel(join(out, 'model.safetensors'));
    expect(alone.classes).toEqual(CLASSES);
    expect((await predictImages(alone, files, { topK: 1 })).predictions).toEqual(predictions);
  });

  test('files that are no model say so', async () => {
    const folder = temporaryFolder();
    const [weights, archive] = [join(folder, 'w.safetensors'), join(folder, 'w.pth')];
    const state = new Map([['w', { shape: [1], dtype: 'float32' as const, data: new Float32Array(1) }]]);
    await writeWeights(weights, state);
    await writeWeights(archive, state);
    await expect(openModel(weights)).rejects.toThrow(
      `${weights}: holds weights, but not of which network, and no names of classes. Name the network and give the file as its weights: npx regraft predict NETWORK --weights ${weights}`,
    );
    await expect(openModel(archive)).rejects.toThrow(
      `${archive}: holds weights, but not of which network, and no names of classes. Name the network and give the file as its weights: npx regraft predict NETWORK --weights ${archive}`,
    );
  });

  test('gives the same curve without the cache', async () => {
    const more = { epochs: 4, augment: 2 };
    const [cached, without] = [await finetune(options(more)), await finetune(options({ ...more, cache: false }))];
    expect(cached.history.map((r) => r.cached)).toEqual([false, false, true, true]);
    expect(without.history.some((r) => r.cached)).toBe(false);
    expectSameCurve(cached, without);
  });

  test('trains the head first, then the stages from freezeUntil on at a lower rate', async () => {
    const result = await finetune(options({ freezeUntil: 'layer3', epochs: 5 }));
    expect(result.phases.map((p) => [p.name, p.epochs, p.frozenUntil])).toEqual([
      ['head', 2, 'linear'],
      ['layer3 to head', 3, 'layer3'],
    ]);
    expect(result.history.map((r) => r.phase)).toEqual([0, 0, 1, 1, 1]);
    expect(result.phases[1]!.learningRate).toBeCloseTo(result.phases[0]!.learningRate / 10, 10);
    expect(result.frozen.changedBytes).toBe(0);
    expect(result.frozen.names).toContain('layer2.2.bn2.running_mean');
    expect(result.frozen.names).not.toContain('layer3.0.conv1.weight');
  });

  const twoPhases = { freezeUntil: 'layer3', epochs: 4, headEpochs: 2 };
  let uninterrupted: Promise<FinetuneResult> | undefined;

  test.each([
    ['in the first phase', 1],
    ['at the end of the first phase', 2],
    ['in the second phase', 3],
  ])('resumed after an interruption %s, gives the same curve and the same model', async (_, epoch) => {
    const out = outFolder();
    const stop = new AbortController();
    const interrupted = finetune(
      options({
        ...twoPhases,
        out,
        signal: stop.signal,
        onEpoch: (r) => r.epoch === epoch && stop.abort(new Error('stopped')),
      }),
    );
    await expect(interrupted).rejects.toThrow('stopped');
    expect(readdirSync(out)).toEqual(['checkpoint.safetensors']);
    const resumed = await finetune({ photos, out, resume: true });
    const whole = await (uninterrupted ??= finetune(options(twoPhases)));
    expectSameCurve(resumed, whole);
    expect(resumed.bestEpoch).toBe(whole.bestEpoch);
    expect(resumed.evaluation).toEqual(whole.evaluation);
    expect(resumed.stepLosses.map((s) => s.step)).toEqual(whole.stepLosses.map((s) => s.step));
    expect(resumed.frozen.digestBefore).toBe(whole.frozen.digestBefore);
  });

  test('in float16 where the adapter has it, goes on with the loss scale that it had', async () => {
    const half = { ...twoPhases, precision: 'float16' } as const;
    const whole = await finetune(options(half));
    const mixed = hasFloat16(await init()) ? 'float16 (mixed, dynamic loss scaling)' : undefined;
    expect(whole.hyperparameters.precision).toBe(mixed);
    expect(whole.frozen.changedBytes).toBe(0);
    const out = outFolder();
    const stop = new AbortController();
    const onEpoch = (r: EpochRecord) => r.epoch === 3 && stop.abort(new Error('stopped'));
    await expect(finetune(options({ ...half, out, signal: stop.signal, onEpoch }))).rejects.toThrow('stopped');
    expectSameCurve(await finetune({ photos, out, resume: true }), whole);
  });

  test('from random weights trains everything, in one phase', async () => {
    const result = await finetune(options({ weights: null, epochs: 1 }));
    expect(result.phases).toMatchObject([{ name: 'all layers', epochs: 1, frozenUntil: null }]);
    expect(result.frozen.tensors).toBe(0);
    expect(result.model.weights).toBe(null);
  });

  test('compares with training from scratch', async () => {
    const { comparisons } = await finetune(options({ epochs: 2, compareFromScratch: true }));
    expect(comparisons).toMatchObject([{ name: 'from scratch', history: { length: 2 } }]);
  });
});

describe('faults', () => {
  test.each([
    [
      { model: 'cifarResnet21' },
      "ArgumentError: model: there is no network 'cifarResnet21'. Close names: cifarResnet20, cifarResnet32, cifarResnet44.",
    ],
    [
      { weights: undefined },
      "ArgumentError: finetune: cifarResnet20 has no published weights. Name a weight file, or 'random' to train from scratch.",
    ],
    [
      { freezeUntil: 'layer4' },
      "ArgumentError: freezeUntil: ResNet has no 'layer4'. Close names: layer1, layer2, layer3.",
    ],
    [
      { freezeUntil: 'layer3', headEpochs: 9 },
      'ArgumentError: finetune: headEpochs must be at most epochs (4), got 9.',
    ],
    [{ epochs: 0 }, 'ArgumentError: finetune: epochs must be a whole number, 1 or more, got 0.'],
    [{ lr: -1 }, 'ArgumentError: finetune: lr must be above 0, got -1.'],
    [{ resume: true, out: null }, 'ArgumentError: finetune: resume needs out, the folder of the interrupted run.'],
  ] satisfies [Partial<FinetuneOptions>, string][])('%o', async (more, text) => {
    expect(await faultOf(() => finetune(options(more)))).toBe(text);
  });

  test('a run that diverges says so', async () => {
    expect(await faultOf(() => finetune(options({ lr: 1e30, optimizer: 'sgd' })))).toMatch(
      /^RegraftError: fit: the validation loss is no longer a number in epoch \d: training has diverged\. Lower the learning rate/,
    );
  });

  test('a folder that holds files of something else is left alone', async () => {
    const out = temporaryFolder();
    writeFileSync(join(out, 'model.json'), 'mine');
    expect(await faultOf(() => finetune(options({ out })), out)).toBe(
      'ArgumentError: ROOT: has a model.json of something else, which would be overwritten. Choose another folder.',
    );
    expect(readFileSync(join(out, 'model.json'), 'utf8')).toBe('mine');
  });

  test('a run is not resumed with other settings, nor with other photos', async () => {
    const out = outFolder();
    const stop = new AbortController();
    const stopped = finetune(options({ out, epochs: 2, signal: stop.signal, onEpoch: () => stop.abort() }));
    await expect(stopped).rejects.toThrow();
    expect(await faultOf(() => finetune({ photos, out, resume: true, seed: 3, lr: 1 }), out)).toBe(
      'ArgumentError: ROOT: cannot be resumed with other settings: it was begun with lr 0.002, now 1; seed 0, now 3. Leave them out, or run it without resume.',
    );
    const others = await colourPhotos(3, 2);
    expect(await faultOf(() => finetune({ photos: others, out, resume: true }), out)).toMatch(
      /^ArgumentError: ROOT: cannot be resumed: \d+\s+photos (were added|are gone or can no longer be read) \(train\/blue\/\d\.jpg, .+, …\). Put back what it was begun with, or run it without resume\.$/,
    );
    writeFileSync(join(out, 'checkpoint.safetensors'), 'no checkpoint');
    expect(await faultOf(() => finetune({ photos, out, resume: true }), out)).toMatch(/^WeightFileError: /);
  });

  test('what cannot be written leaves nothing behind', async () => {
    const root = temporaryFolder();
    const failing = writeFolder(join(root, 'a', 'b'), async (temporary) => {
      writeFileSync(join(temporary, 'half'), 'x');
      throw new Error('full');
    });
    await expect(failing).rejects.toThrow('full');
    expect(readdirSync(root)).toEqual([]);
  });

  test.each([
    ['{', 'damaged'],
    ['{"model":"cifarResnet20","classes":[],"transforms":{}}', 'damaged'],
    ['{"model":"nix","classes":["a"],"transforms":{"name":"ToTensor"}}', "there is no network 'nix'"],
    ['{"model":"cifarResnet20","classes":["a","b"],"transforms":{"name":"evil"}}', 'transform: expected one of'],
  ])('a model.json that reads %s', async (text, fault) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'model.json'), text);
    expect(await faultOf(() => openModel(folder), folder)).toContain(fault);
  });
});

describe('recipe', () => {
  test('the rate rises over the warm-up, then falls along a cosine', () => {
    const at = [0, 1, 2, 3, 6, 9].map((update) => Number(warmUpCosine(update, 3, 9).toFixed(4)));
    expect(at).toEqual([0.25, 0.5, 0.75, 1, 0.5, 0]);
  });

  test('one epoch leaves none for the head alone', () => {
    const entry = modelEntry('resnet50');
    const settings = resolveSettings({ model: 'resnet50', freezeUntil: 'layer4', epochs: 1 }, entry);
    expect(planPhases(settings, entry)).toMatchObject([{ name: 'layer4 to head', epochs: 1 }]);
  });

  test('photos are read as they are stored where they are to be, by the saved model too', async () => {
    const out = outFolder();
    await finetune(options({ out, epochs: 1, orientation: 'ignore' }));
    expect((await openModel(out)).transforms.orientation).toBe('ignore');
    expect(await faultOf(() => finetune(options({ orientation: 'up' as 'exif' })))).toBe(
      "ArgumentError: finetune: orientation must be exif or ignore, got 'up'.",
    );
  });

  test('the command to reproduce a run can be pasted into a shell', async () => {
    const { reproduce } = await finetune(options({ photos: `${photos}/`, epochs: 1 }));
    expect(reproduce).toBe(
      `npx regraft finetune ${photos}/ --model cifarResnet20 --task image-classification --weights ${weights} --freeze-until linear --epochs 1 --head-epochs 1 ` +
        '--batch-size 6 --optimizer adamw --lr 0.002 --unfrozen-lr 0.0002 --weight-decay 0.01 --momentum 0.9 --label-smoothing 0 ' +
        '--precision float32 --accumulate 1 --patience 10 --validation 0.2 --image-size 32 --orientation exif --seed 0',
    );
    expect(shellWord("it's")).toBe("'it'\\''s'");
  });
});

describe.skipIf(!sharedData)('real photos', () => {
  test('SqueezeNet 1.1 on hymenoptera, trunk frozen, reaches 90 %', async () => {
    const result = await finetune({
      photos: join(sharedData!, 'hymenoptera_data'),
      model: 'squeezenet1_1',
      weights: join(sharedData!, 'weights', 'squeezenet1_1.pth'),
      epochs: 6,
    });
    expect(result.evaluation!.images).toBe(77);
    expect(result.evaluation!.accuracy).toBeGreaterThanOrEqual(0.9);
    expect(result.frozen.changedBytes).toBe(0);
  }, 300_000);
});
