/** Workloads of one op: matrix products, ResNet-50's convolutions, MobileNet V2's depthwise ones, their gradients, normalisation, pooling, reductions. */
import { noGrad, type Tensor } from '../src/index.ts';
import { Parameter } from '../src/nn/index.ts';
import { type Conv, convFlops, convName, distinctConvs, outSize } from './resnet-shapes.ts';
import { uniform, uniformTensor } from './values.ts';
import type { Ready, Workload } from './workload.ts';

/** Like a module's weight in inference: what is derived from it (its packing) is computed once. */
const constant = (shape: readonly number[], seed: number, scale = 1): Parameter =>
  new Parameter(
    shape,
    uniform(
      shape.reduce((a, b) => a * b, 1),
      seed,
      scale,
    ),
    false,
  );

/** An op without gradients over inputs that stay. */
function forward(inputs: readonly Tensor[], op: () => Tensor): Ready {
  return { record: () => [noGrad(op)], end: () => inputs.forEach((t) => void t.dispose()) };
}

/** The gradients of an op: `output` is recorded anew in each step, and its forward pass dropped where they do not need it. */
function gradients(inputs: readonly Tensor[], gradient: Tensor, output: () => Tensor): Ready {
  return {
    record: () => {
      for (const input of inputs) input.grad = null;
      output().backward(gradient);
      return inputs.map((input) => input.grad!);
    },
    end: () => [...inputs, gradient].forEach((t) => void t.dispose()),
  };
}

function matmul(n: number): Workload {
  return {
    name: `matmul${n}`,
    flops: 2 * n ** 3,
    kernels: { matmul: 1 },
    prepare: async () => {
      const [a, b] = [uniformTensor([n, n], 1), uniformTensor([n, n], 2)];
      return forward([a, b], () => a.matmul(b));
    },
  };
}

const convOptions = ({ stride, kernel }: Conv) => ({ stride, padding: kernel >> 1 });
const weightShape = ({ outChannels, inChannels, kernel }: Conv) => [outChannels, inChannels, kernel, kernel];

function conv(shape: Conv, batch: number): Workload {
  return {
    name: `${convName(shape)} b${batch}`,
    flops: convFlops(shape, batch),
    kernels: { 'conv2d|winograd': 1 },
    prepare: async () => {
      const x = uniformTensor([batch, shape.inChannels, shape.size, shape.size], 1);
      const w = constant(weightShape(shape), 2, 0.1);
      return forward([x, w], () => x.conv2d(w, null, convOptions(shape)));
    },
  };
}

/** Both gradients; the weight's packing is part of every step, as in training. */
function convGradient(shape: Conv, batch: number): Workload {
  return {
    name: `grad_${convName(shape)} b${batch}`,
    flops: 2 * convFlops(shape, batch),
    kernels: { 'conv2dInputGrad|winograd': 1, conv2dWeightGrad: 1 },
    prepare: async () => {
      const side = outSize(shape);
      const x = uniformTensor([batch, shape.inChannels, shape.size, shape.size], 1, { requires_grad: true });
      const w = uniformTensor(weightShape(shape), 2, { scale: 0.1, requires_grad: true });
      const gy = uniformTensor([batch, shape.outChannels, side, side], 3);
      return gradients([x, w], gy, () => x.conv2d(w, null, convOptions(shape)));
    },
  };
}

/** Depthwise convolutions of MobileNet V2: channels, side of the input, stride. */
const DEPTHWISE = [
  [32, 112, 1],
  [96, 112, 2],
  [144, 56, 1],
  [384, 14, 1],
  [960, 7, 1],
] as const;

type Depthwise = (typeof DEPTHWISE)[number];

const depthwiseName = ([channels, side, stride]: Depthwise) =>
  `depthwise3x3${stride > 1 ? `s${stride}` : ''}_${channels}@${side}`;
const depthwiseOptions = ([channels, , stride]: Depthwise) => ({ stride, padding: 1, groups: channels });

function depthwise(shape: Depthwise, batch: number): Workload {
  const [channels, side] = shape;
  return {
    name: `${depthwiseName(shape)} b${batch}`,
    kernels: { depthwise: 1 },
    prepare: async () => {
      const [x, w] = [uniformTensor([batch, channels, side, side], 1), constant([channels, 1, 3, 3], 2, 0.1)];
      return forward([x, w], () => x.conv2d(w, null, depthwiseOptions(shape)));
    },
  };
}

function depthwiseGradient(shape: Depthwise, batch: number): Workload {
  const [channels, side, stride] = shape;
  return {
    name: `grad_${depthwiseName(shape)} b${batch}`,
    kernels: { depthwiseInputGrad: 1, depthwiseWeightGrad: 1 },
    prepare: async () => {
      const x = uniformTensor([batch, channels, side, side], 1, { requires_grad: true });
      const w = uniformTensor([channels, 1, 3, 3], 2, { scale: 0.1, requires_grad: true });
      const gy = uniformTensor([batch, channels, side / stride, side / stride], 3);
      return gradients([x, w], gy, () => x.conv2d(w, null, depthwiseOptions(shape)));
    },
  };
}

const images = (batch: number) => [batch, 256, 56, 56];

/** A frozen batch norm and a ReLU: one elementwise kernel. */
function batchNormRelu(batch: number): Workload {
  return {
    name: `bn+relu_256@56 b${batch}`,
    kernels: { fused: 1 },
    prepare: async () => {
      const x = uniformTensor(images(batch), 1);
      const [weight, bias, mean, variance] = [1, 0, 0, 1].map(
        (v) => new Parameter([256], new Float32Array(256).fill(v), false),
      );
      const norm = { training: false, eps: 1e-5 };
      const op = () => x.batchNorm2d(weight!, bias!, mean!, variance!, norm).relu();
      return forward([x, weight!, bias!, mean!, variance!], op);
    },
  };
}

/** Batch statistics and normalisation by them. */
function batchNormTraining(batch: number): Workload {
  return {
    name: `bn_train_256@56 b${batch}`,
    kernels: { batchnorm: 1, batchNorm2d: 1 },
    prepare: async () => {
      const x = uniformTensor(images(batch), 1);
      const [weight, bias] = [constant([256], 2), constant([256], 3)];
      return forward([x, weight, bias], () => x.batchNorm2d(weight, bias, null, null, { training: true }));
    },
  };
}

function batchNormGradient(batch: number): Workload {
  return {
    name: `grad_bn_train_256@56 b${batch}`,
    kernels: { batchnorm: 2, batchNorm2d: 1 },
    prepare: async () => {
      const x = uniformTensor(images(batch), 1, { requires_grad: true });
      const weight = uniformTensor([256], 2, { requires_grad: true });
      const bias = uniformTensor([256], 3, { requires_grad: true });
      const gy = uniformTensor(images(batch), 4);
      return gradients([x, weight, bias], gy, () => x.batchNorm2d(weight, bias, null, null, { training: true }));
    },
  };
}

function maxPool(batch: number): Workload {
  return {
    name: `maxpool3s2_64@112 b${batch}`,
    kernels: { maxPool2d: 1 },
    prepare: async () => {
      const x = uniformTensor([batch, 64, 112, 112], 1);
      return forward([x], () => x.maxPool2d(3, { stride: 2, padding: 1 }));
    },
  };
}

function maxPoolGradient(batch: number): Workload {
  return {
    name: `grad_maxpool3s2_64@112 b${batch}`,
    kernels: { maxPool2d: 1, maxPool2dGrad: 1 },
    prepare: async () => {
      const x = uniformTensor([batch, 64, 112, 112], 1, { requires_grad: true });
      const gy = uniformTensor([batch, 64, 56, 56], 2);
      return gradients([x], gy, () => x.maxPool2d(3, { stride: 2, padding: 1 }));
    },
  };
}

function add(batch: number): Workload {
  return {
    name: `add_256@56 b${batch}`,
    kernels: { add: 1 },
    prepare: async () => {
      const [a, b] = [uniformTensor(images(batch), 1), uniformTensor(images(batch), 2)];
      return forward([a, b], () => a.add(b));
    },
  };
}

/** Over all axes, or over all but the channel's. */
function sum(batch: number, axes: number[] | undefined): Workload {
  return {
    name: `${axes ? 'sum_nhw' : 'sum'}_256@56 b${batch}`,
    kernels: { reduce: 1 },
    prepare: async () => {
      const x = uniformTensor(images(batch), 1);
      return forward([x], () => x.sum(axes));
    },
  };
}

export function kernelWorkloads(): Workload[] {
  const convs = distinctConvs(224);
  return [
    ...[512, 1024, 2048].map(matmul),
    ...[1, 8].flatMap((batch) => convs.map((shape) => conv(shape, batch))),
    ...convs.map((shape) => convGradient(shape, 8)),
    ...DEPTHWISE.flatMap((shape) => [depthwise(shape, 8), depthwiseGradient(shape, 8)]),
    ...[1, 8].map(batchNormRelu),
    batchNormTraining(8),
    batchNormGradient(8),
    ...[1, 8].map(maxPool),
    maxPoolGradient(8),
    add(8),
    sum(8, undefined),
    sum(8, [0, 2, 3]),
  ];
}
