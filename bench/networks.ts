/** Workloads of networks: of ResNet-50 the forward pass, fine-tuning of the last stage and a new head, training of everything; of MobileNet V2 the first and the last. */
import { autocast, type HostArray, noGrad, step, type Tensor, tensor } from '../src/index.ts';
import { mobilenet_v2, resnet50 } from '../src/models/index.ts';
import { crossEntropy, Linear, type Module } from '../src/nn/index.ts';
import { GradScaler, SGD } from '../src/optim/index.ts';
import { TrunkCache, trunkOf } from '../src/train/trunk/trunk-cache.ts';
import { passesGradient, resnet50Convs, resnet50Flops, type Trained, trainsConv } from './resnet-shapes.ts';
import { fillWeights, uniformTensor } from './values.ts';
import type { Workload } from './workload.ts';

const CLASSES = 10;

function disposeModel(model: Module): void {
  for (const t of [...model.parameters(), ...model.buffers()]) t.dispose();
}

/** A network whose forward pass is timed. */
interface Timed {
  readonly name: string;
  readonly create: () => Promise<Module>;
  /** Of a batch; undefined where that is not the measure of it. */
  readonly flops?: (size: number, batch: number) => number;
  readonly kernels: Readonly<Record<string, number>>;
}

const RESNET50: Timed = {
  name: 'resnet50',
  create: resnet50,
  flops: (size, batch) => resnet50Flops({ size, batch, classes: 1000, trained: 'nothing' }),
  kernels: { 'conv2d|winograd': 53, maxPool2d: 1, 'gemv|matmul': 1 },
};

const MOBILENET_V2: Timed = {
  name: 'mobilenet_v2',
  create: mobilenet_v2,
  kernels: { 'conv2d|winograd': 35, depthwise: 17, 'gemv|matmul': 1 },
};

function forward(network: Timed, batch: number, dtype: 'float32' | 'float16' = 'float32'): Workload {
  const size = 224;
  const float16 = dtype === 'float16';
  const { name, create, flops, kernels } = network;
  return {
    name: `${name}_fwd_${size} b${batch}${float16 ? ' f16' : ''}`,
    float16,
    ...(flops && { flops: flops(size, batch) }),
    kernels,
    prepare: async () => {
      const model = await create();
      fillWeights(model);
      model.eval().to(dtype);
      const x = uniformTensor([batch, 3, size, size], 5).to(dtype);
      return {
        record: () => [noGrad(() => model.forward(x))],
        end: () => {
          x.dispose();
          disposeModel(model);
        },
      };
    },
  };
}

/** The kernels of a training step. Every trained convolution brings a batch norm: its weight and two vectors are updated. */
function trainingKernels(trained: Trained, cached: boolean): Record<string, number> {
  const convs = resnet50Convs(64);
  const own = convs.filter((conv) => trainsConv(conv, trained)).length;
  return {
    'conv2d|conv2dInputGrad|winograd':
      (cached ? own : convs.length) + convs.filter((conv) => passesGradient(conv, trained)).length,
    conv2dWeightGrad: own,
    matmul: 3,
    sgd: 3 * own + 2,
  };
}

/** A network and what trains it. */
export interface Training {
  readonly model: Module;
  readonly trainable: readonly Tensor[];
  readonly optimizer: SGD;
  /** Enabled with mixed precision only. */
  readonly scaler: GradScaler;
  /** Gives the memory back. */
  end(): void;
}

/** A model with momentum SGD on what is trainable. */
function trainingOf(model: Module, float16 = false): Training {
  model.train();
  const trainable = model.parameters().filter((p) => p.requires_grad);
  const optimizer = new SGD(trainable, { lr: 0.01, momentum: 0.9 });
  const end = () => {
    for (const p of trainable) p.requires_grad = false;
    optimizer.step();
    disposeModel(model);
  };
  return { model, trainable, optimizer, scaler: new GradScaler({ enabled: float16 }), end };
}

/** ResNet-50 with a new head, frozen but for what is `trained`. */
export async function resnet50Training(trained: Trained, float16 = false): Promise<Training> {
  const model = await resnet50();
  if (trained === 'layer4') for (const p of model.parameters()) p.requires_grad = false;
  model.fc = new Linear(model.fc.inFeatures, CLASSES);
  fillWeights(model);
  if (trained === 'layer4') model.unfreeze('layer4');
  return trainingOf(model, float16);
}

/** Records a training step and gives the loss. */
export function trainOn(
  { model, optimizer, scaler }: Training,
  images: Tensor,
  labels: Tensor,
  forwardDone: () => void = () => {},
): Tensor {
  const loss = autocast({ enabled: scaler.isEnabled() }, () => {
    const logits = model.forward(images);
    forwardDone();
    return crossEntropy(logits, labels);
  });
  scaler.scale(loss).backward();
  scaler.step(optimizer);
  scaler.update();
  // As `fit` does: gradients that nobody reads after the step are freed one by one as the optimizer takes them.
  optimizer.zeroGrad();
  return loss;
}

interface TrainingOptions {
  /** With the frozen trunk's activations from the cache. */
  readonly cached?: boolean;
  /** Mixed precision with loss scaling. */
  readonly float16?: boolean;
}

function training(
  prefix: string,
  trained: Trained,
  size: number,
  batch: number,
  { cached = false, float16 = false }: TrainingOptions = {},
): Workload {
  return {
    name: `${prefix}_${size} b${batch}${cached ? ' cached' : ''}${float16 ? ' f16' : ''}`,
    float16,
    flops: resnet50Flops({ size, batch, classes: CLASSES, trained, cached }),
    kernels: trainingKernels(trained, cached),
    prepare: async () => {
      const setup = await resnet50Training(trained, float16);
      const images = uniformTensor([batch, 3, size, size], 5);
      const labels = tensor(Int32Array.from({ length: batch }, (_, i) => i % CLASSES));
      const record = (forwardDone?: () => void): readonly Tensor[] => [trainOn(setup, images, labels, forwardDone)];
      const end = () => {
        for (const t of [images, labels]) t.dispose();
        setup.end();
      };
      if (!cached) return { record, end };

      const cache = new TrunkCache(batch);
      const keys = Array.from({ length: batch }, (_, i) => String(i));
      let trunk: ReturnType<typeof trunkOf> = null;
      step(() => record(() => void (trunk = trunkOf([images], setup.trainable, true))));
      await cache.put(trunk!, keys);
      let activations: HostArray[] = [];
      const take = () => {
        if (!cache.take(trunkOf([images], setup.trainable, false), activations))
          throw new Error('the trunk cache is stale');
      };
      return {
        before: async () => void (activations = await cache.gather(keys)),
        record: () => record(take),
        end: async () => {
          await cache.close();
          end();
        },
      };
    },
  };
}

/** All of MobileNet V2, with batch statistics and dropout. */
function mobilenetTraining(size: number, batch: number): Workload {
  return {
    name: `mobilenet_v2_train_${size} b${batch}`,
    kernels: { 'conv2d|winograd': 35, depthwise: 17, conv2dWeightGrad: 35, depthwiseWeightGrad: 17, sgd: 158 },
    prepare: async () => {
      const model = await mobilenet_v2({ numClasses: CLASSES });
      fillWeights(model);
      const setup = trainingOf(model);
      const images = uniformTensor([batch, 3, size, size], 5);
      const labels = tensor(Int32Array.from({ length: batch }, (_, i) => i % CLASSES));
      return {
        record: () => [trainOn(setup, images, labels)],
        end: () => {
          for (const t of [images, labels]) t.dispose();
          setup.end();
        },
      };
    },
  };
}

export function networkWorkloads(): Workload[] {
  return [
    forward(RESNET50, 1),
    forward(RESNET50, 8),
    training('resnet50_finetune', 'layer4', 64, 16),
    training('resnet50_finetune', 'layer4', 64, 16, { cached: true }),
    training('resnet50_finetune', 'layer4', 224, 8),
    training('resnet50_train', 'all', 64, 8),
    forward(MOBILENET_V2, 1),
    mobilenetTraining(64, 16),
    forward(RESNET50, 1, 'float16'),
    training('resnet50_finetune', 'layer4', 64, 16, { float16: true }),
  ];
}
