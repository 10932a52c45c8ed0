/** Segmentation on real photos: membranes from scratch, streets on a pretrained encoder against random weights. Minutes each: REGRAFT_SLOW=1. */
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { MaskDataset, openMasks, PairedTransform } from '../../src/data/index.ts';
import { init, manualSeed } from '../../src/index.ts';
import { encoderUnet, squeezenet1_1, UNet } from '../../src/models/index.ts';
import { Adam } from '../../src/optim/index.ts';
import { evaluate, fit, segmentation } from '../../src/runs/index.ts';
import { sharedData } from '../shared-data.ts';

const isSkipped = !sharedData || !process.env.REGRAFT_SLOW;

/** Each sample so often, in turn, that an epoch has so many. */
const repeated = <S>(samples: readonly S[], count: number): S[] =>
  Array.from({ length: count }, (_, i) => samples[i % samples.length]!);

beforeAll(async () => {
  await init();
});

test.skipIf(isSkipped)(
  'membranes: a U-Net of width 16 from scratch, 300 steps of 8 tiles (takes minutes: REGRAFT_SLOW=1)',
  async () => {
    const { train, validation, coding } = await openMasks(join(sharedData!, 'membrane'), { validation: 0 });
    const number = (path: string) => Number(/(\d+)\.png$/.exec(path)![1]);
    const all = [...train, ...validation];
    const plain = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;
    const transform = new PairedTransform({ ...plain, crop: 128, flip: 0.5, flipVertical: 0.5, quarterTurns: true });
    const first = all.filter(({ path }) => number(path) < 12);
    const others = all.filter(({ path }) => number(path) >= 12);
    expect([first.length, others.length]).toEqual([12, 8]);
    manualSeed(0);
    const model = new UNet({ width: 16, numClasses: 2 });
    const task = segmentation({ loss: 'bce+dice' });
    await fit(model, {
      task,
      train: new MaskDataset(repeated(first, 2400), coding, { transform }),
      ...{ epochs: 1, batchSize: 8, optimizer: new Adam(model.parameters(), { lr: 1e-3 }) },
    });
    const test = new MaskDataset(others, coding, { transform: new PairedTransform(plain) });
    const { values } = await evaluate(model, test, { task, batchSize: 1 });
    const [membrane, interior] = values!.evaluation.perClass;
    console.log(`membranes: Dice of the interior ${interior!.dice}, of the membrane ${membrane!.dice}`);
    expect(interior!.dice).toBeGreaterThanOrEqual(0.935);
    expect(membrane!.dice).toBeGreaterThanOrEqual(0.74);
  },
  3_600_000,
);

test.skipIf(isSkipped)(
  'streets: a frozen, pretrained SqueezeNet 1.1 as encoder is ahead of random weights after 150 steps of 4 (takes minutes: REGRAFT_SLOW=1)',
  async () => {
    const {
      train,
      validation,
      test: last,
      coding,
    } = await openMasks(join(sharedData!, 'segmentation/camvid'), { ignore: 11 });
    const others = [...validation, ...last];
    const size = { resize: [180, 240] } as const;
    const score = async (pretrained: boolean) => {
      manualSeed(0);
      const model = await encoderUnet(squeezenet1_1, {
        numClasses: coding.classes.length,
        ...(pretrained && { encoderWeights: join(sharedData!, 'weights/squeezenet1_1.pth') }),
      });
      if (pretrained) model.encoder.freeze();
      const task = segmentation({ loss: 'cross-entropy' });
      await fit(model, {
        task,
        train: new MaskDataset(repeated(train, 600), coding, {
          transform: new PairedTransform({ ...size, flip: 0.5 }),
        }),
        ...{ epochs: 1, batchSize: 4 },
        optimizer: new Adam(
          model.parameters().filter((p) => p.requires_grad),
          { lr: 1e-3 },
        ),
      });
      const data = new MaskDataset(others, coding, { transform: new PairedTransform(size) });
      const { scores } = await evaluate(model, data, { task, batchSize: 4 });
      return scores as { readonly meanIoU: number; readonly pixelAccuracy: number };
    };
    const [pretrained, random] = [await score(true), await score(false)];
    console.log('streets: pretrained', pretrained, 'random', random);
    expect(pretrained.meanIoU - random.meanIoU).toBeGreaterThanOrEqual(0.04);
    expect(pretrained.pixelAccuracy - random.pixelAccuracy).toBeGreaterThanOrEqual(0.05);
  },
  3_600_000,
);
