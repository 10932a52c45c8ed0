/** Made-up fine-tuning results, plausible and seeded, for the tests of the report. */
import { Generator } from '../../src/core/random.ts';
import type { FinetuneResult } from '../../src/runs/result.ts';
import { evaluateLogits } from '../../src/tasks/image-classification/evaluation-sum.ts';
import { worstMistakes } from '../../src/tasks/image-classification/metrics.ts';
import { type EpochRecord, type StepLoss, thinLosses } from '../../src/train/history.ts';

/** A picture of one grey pixel. */
export const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==';

export interface SampleOptions {
  readonly classes: readonly string[];
  /** Per class. */
  readonly validationImages?: number;
  readonly epochs?: readonly number[];
  /** How far the right class's logit stands out; about 3 gives 90 %. */
  readonly margin?: number;
  readonly comparison?: boolean;
  readonly thumbnail?: (index: number) => string | null;
  readonly seed?: number;
}

/** A result as `regraft finetune` would write it. */
export function sampleResult(options: SampleOptions): FinetuneResult {
  const { classes, validationImages = 40, epochs = [3, 9], margin = 3, seed = 7 } = options;
  const random = new Generator(seed);
  const C = classes.length;
  const labels = classes.flatMap((_, c) => new Array<number>(validationImages).fill(c));
  // Neighbouring classes resemble each other.
  const logits = labels.flatMap((label) =>
    classes.map((_, c) => random.normal() + (c === label ? margin : 0) + (c === (label ^ 1) ? margin / 3 : 0)),
  );
  const evaluation = validationImages > 0 ? evaluateLogits(logits, labels, C) : null;
  const total = epochs.reduce((sum, n) => sum + n, 0);
  const accuracy = evaluation?.accuracy ?? null;
  const bestEpoch = Math.max(1, total - 2);
  const history = curve(random, epochs, accuracy ?? 0.9, C, accuracy !== null);
  return {
    task: 'image-classification',
    version: '0.1.0',
    date: '2026-03-14T09:26:53.589Z',
    command: 'npx regraft finetune photos/flowers --model resnet50 --freeze-until layer4 --epochs 12',
    reproduce: `npx regraft finetune photos/flowers --model resnet50 --weights IMAGENET1K_V2 --freeze-until layer4 --epochs ${total} --batch-size 32 --lr 0.01,0.001 --momentum 0.9 --weight-decay 0.0001 --label-smoothing 0 --validation 0.2 --seed 0 --out runs/flowers`,
    model: {
      name: 'resnet50',
      weights: {
        source: 'https://download.pytorch.org/models/resnet50-11ad3fa6.pth',
        sha256: '11ad3fa6e8a1b2c3d4e5f60718293a4b5c6d7e8f9a0b1c2d3e4f5061728394a5',
      },
      parameters: { total: 23_528_522, trainable: 14_985_226 },
    },
    data: {
      source: 'photos/flowers',
      classes,
      trainImages: C * 160,
      validationImages: C * validationImages,
      skipped: [
        { path: 'rose/IMG_2031.jpg', reason: 'zero bytes' },
        { path: 'tulip/notes.heic', reason: 'not an image that can be read: unsupported format' },
      ],
    },
    hyperparameters: {
      optimizer: 'SGD',
      batchSize: 32,
      momentum: 0.9,
      nesterov: false,
      weightDecay: 0.0001,
      labelSmoothing: 0,
      schedule: 'cosine',
      warmUpEpochs: 0,
      augmentation: 'RandomResizedCrop, flip',
      imageSize: 224,
      seed: 0,
    },
    phases: epochs.map((n, i) => ({
      name: i === 0 ? 'head' : 'layer4 and head',
      epochs: n,
      learningRate: i === 0 ? 0.01 : 0.001,
      trainableParameters: i === 0 ? 20_490 : 14_985_226,
      frozenUntil: i === 0 ? 'fc' : 'layer4',
    })),
    history: history.map((r) => (r.epoch === bestEpoch && evaluation ? { ...r, validationAccuracy: accuracy } : r)),
    stepLosses: thinLosses(stepLosses(random, history, C * 5)),
    bestEpoch,
    evaluation,
    worstMistakes: worstMistakes(logits, labels, C).map((m) => ({
      path: `${classes[m.label]}/IMG_${4000 + m.index}.jpg`,
      thumbnail: options.thumbnail ? options.thumbnail(m.index) : PIXEL,
      label: classes[m.label]!,
      predicted: classes[m.predicted]!,
      probability: m.probability,
      loss: m.loss,
    })),
    frozen: {
      tensors: 268,
      bytes: 34_173_184,
      digestBefore: 'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      digestAfter: 'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      changedBytes: 0,
      names: ['conv1.weight', 'bn1.weight', 'bn1.bias', 'bn1.running_mean', 'bn1.running_var'],
    },
    adapter: {
      description: 'AMD Radeon RX 6700 XT (RADV NAVI22)',
      vendor: 'amd',
      architecture: 'rdna-2',
      software: false,
    },
    seconds: {
      total: 312.4,
      parts: {
        'reading weights': 1.9,
        'decoding images': 38.2,
        'filling the trunk cache': 61,
        training: 178.3,
        validation: 29.4,
        'writing the model': 0.8,
      },
    },
    peakGpuBytes: 1_870_000_000,
    ...(options.comparison
      ? {
          comparisons: [
            {
              name: 'from scratch',
              history: curve(random, [total], (accuracy ?? 0.9) * 0.55, C, accuracy !== null),
              score: (accuracy ?? 0.9) * 0.55,
            },
          ],
        }
      : {}),
  };
}

function curve(
  random: Generator,
  phases: readonly number[],
  end: number,
  C: number,
  validated: boolean,
): EpochRecord[] {
  const total = phases.reduce((sum, n) => sum + n, 0);
  return Array.from({ length: total }, (_, i) => {
    const phase = i < phases[0]! ? 0 : 1;
    const done = 1 - Math.exp((-4 * (i + 1)) / Math.max(4, total)) * (phase === 0 ? 1 : 0.8);
    const noise = random.normal() * 0.01;
    const trainAccuracy = Math.min(1, 1 / C + (Math.min(1, end + 0.05) - 1 / C) * done + noise / 2);
    const validationAccuracy = Math.min(1, Math.max(0, 1 / C + (end - 1 / C) * done + noise));
    const cached = phase === 0 && i > 0;
    return {
      epoch: i + 1,
      phase,
      trainLoss: Math.log(C) * (1.05 - done) + 0.04 + Math.abs(noise),
      trainAccuracy,
      validationLoss: validated ? Math.log(C) * (1.12 - done) + 0.1 * (1 - end) * i * 0.3 + Math.abs(noise) * 3 : null,
      validationAccuracy: validated ? validationAccuracy : null,
      learningRate: (phase === 0 ? 0.01 : 0.001) * 0.5 * (1 + Math.cos((Math.PI * i) / total)),
      seconds: cached ? 1.8 : 22 + noise,
      imagesPerSecond: cached ? 890 : 73 + noise * 100,
      cached,
    };
  });
}

function stepLosses(random: Generator, history: readonly EpochRecord[], perEpoch: number): StepLoss[] {
  return history.flatMap((record, e) =>
    Array.from({ length: perEpoch }, (_, s) => {
      const next = record.trainLoss ?? 1;
      const last = e === 0 ? next * 2.2 : (history[e - 1]!.trainLoss ?? 1);
      const at = (s + 1) / perEpoch;
      return {
        step: e * perEpoch + s + 1,
        epoch: e + at,
        loss: Math.max(0.001, (last + (next - last) * at) * (1 + 0.25 * random.normal())),
      };
    }),
  );
}
