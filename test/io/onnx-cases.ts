/** Every op that is exported to ONNX, as a small module each: onnx-runtime.test.ts has ONNX Runtime compute them as well. */
import { cat, tensor } from '../../src/index.ts';
import {
  Buffer,
  ConvTranspose2d,
  embedding,
  interpolate,
  LayerNorm,
  LayerNorm2d,
  Linear,
  Module,
  scaledDotProductAttention,
} from '../../src/nn/index.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

/** Of all cases. The batch is not an axis that any of them looks at. */
export const CASE_SHAPE = [2, 4, 6, 6];

class Case extends Module {
  w = new Buffer([4, 1, 1], () => Float32Array.of(0.5, -1, 2, 0));
  matrix = new Buffer([6, 3], () => Float32Array.from({ length: 18 }, (_, i) => Math.sin(i)));
  up: ConvTranspose2d;
  line = new Linear(6, 3);
  bare = new Linear(6, 3, { bias: false });
  rows = new LayerNorm([6, 6], { bias: false });
  channels = new LayerNorm2d(4, { eps: 0.5 });
  readonly #run: (x: Tensor, own: Case) => Tensor;

  constructor(run: (x: Tensor, own: Case) => Tensor) {
    super();
    this.up = new ConvTranspose2d(4, 6, 3, { stride: 2, padding: 1, outputPadding: 1, groups: 2 });
    this.#run = run;
  }

  override forward(x: Tensor): Tensor {
    return this.#run(x, this);
  }
}

const RUNS: Readonly<Record<string, (x: Tensor, own: Case) => Tensor>> = {
  add: (x, { w }) => x.add(w),
  sub: (x, { w }) => x.sub(w),
  mul: (x, { w }) => x.mul(w),
  div: (x, { w }) => x.div(w.add(3)),
  pow: (x, { w }) => x.abs().pow(w),
  maximum: (x, { w }) => x.maximum(w),
  minimum: (x, { w }) => x.minimum(w),
  where: (x, { w }) => x.gt(0).where(x.mul(2), w.expand([4, 6, 6])),
  comparisons: (x, { w }) => cat([x.eq(w), x.ne(w), x.lt(w), x.le(w), x.gt(w), x.ge(w)], 1),
  scalars: (x) => cat([x.add(2), x.mul(3), x.abs().pow(1.5), x.maximum(0.2), x.minimum(0.2)], 1),
  scalarComparisons: (x) => cat([x.eq(0), x.ne(0), x.lt(0), x.le(0), x.gt(0), x.ge(0)], 1),
  unary: (x) => cat([x.neg(), x.abs(), x.exp(), x.square(), x.abs().sqrt(), x.tanh(), x.sigmoid()], 1),
  positive: (x) => cat([x.abs().add(1).log(), x.abs().add(1).rsqrt(), x.abs().add(1).reciprocal()], 1),
  activations: (x) => cat([x.relu(), x.mul(5).relu6(), x.leakyRelu(0.1), x.silu(), x.clamp(-0.5, 0.5)], 1),
  // By itself: ONNX Runtime 1.30 fuses both forms of GELU into one node each and loses what they share.
  gelu: (x) => x.gelu(),
  geluTanh: (x) => x.gelu({ approximate: 'tanh' }),
  hard: (x) => cat([x.hardswish(), x.mul(3).hardsigmoid()], 1),
  reductions: (x) => cat([x.sum(1), x.mean([1]), x.max(1), x.min(-3)], 1),
  keepdim: (x) => x.sub(x.mean([2, 3], { keepdim: true })),
  variance: (x) => cat([x.variance([2, 3]), x.variance([2, 3], { correction: 0 })], 1),
  argmax: (x) => x.argmax(1),
  to: (x) => x.to('int32').float().add(x),
  matmul: (x, { matrix }) => x.matmul(matrix),
  linear: (x, { line, bare }) => cat([line.forward(x), bare.forward(x)], 1),
  linearRows: (x, { line }) => line.forward(x.mean([1, 2])),
  convTranspose2d: (x, { up }) => up.forward(x),
  flip: (x) => x.flip([2, -1]),
  layerNorm: (x, { rows }) => rows.forward(x),
  layerNormBare: (x) => x.layerNorm([6, 6]),
  layerNormChannels: (x, { channels }) => channels.forward(x),
  maxPool2d: (x) => x.maxPool2d(3, { stride: 2, padding: 1 }),
  maxPool2dCeil: (x) => x.maxPool2d(3, { stride: 2, ceilMode: true }),
  maxPool2dDilated: (x) => x.maxPool2d([2, 1], { stride: 1, dilation: 2 }),
  avgPool2d: (x) => cat([x.avgPool2d(2), x.avgPool2d(4, { stride: 2, padding: 1, countIncludePad: false })], 1),
  avgPool2dPadded: (x) => x.avgPool2d(3, { padding: 1 }),
  adaptiveAvgPool2d: (x) => cat([x.adaptiveAvgPool2d(3).mean([2, 3]), x.adaptiveAvgPool2d(1).flatten(1)], 1),
  interpolate: (x) => cat([interpolate(x, { scaleFactor: 2 }), interpolate(x, { size: 12, mode: 'nearest-exact' })], 1),
  interpolateBilinear: (x) => interpolate(x, { size: [13, 5], mode: 'bilinear' }),
  interpolateCubic: (x) => interpolate(x, { size: [9, 14], mode: 'bicubic' }),
  interpolateCorners: (x) =>
    cat(
      [
        interpolate(x, { size: 11, mode: 'bilinear', alignCorners: true }),
        interpolate(x, { size: 11, mode: 'bicubic', alignCorners: true }),
      ],
      1,
    ),
  softmax: (x) => cat([x.softmax(1), x.logSoftmax(-1)], 1),
  flatten: (x) => x.flatten(1),
  reshape: (x) => x.reshape([x.shape[0]!, 2, 2, 36]).flatten(0, 1),
  permute: (x) => x.permute([0, 2, 3, 1]).unsqueeze(1).squeeze(1),
  expand: (x) => x.mean(1, { keepdim: true }).expand([-1, 4, 6, 6]),
  slice: (x) => x.slice(1, 1, 3).slice(2, -4, -1).slice(3, 0, 6, 2),
  pad: (x) => x.pad([1, 2, 0, 3], 0.5).pad([-1, 0]),
  embedding: (x, { matrix }) => embedding(x.gt(0).to('int32'), matrix),
  attention: (x) => {
    const turned = scaledDotProductAttention(x, x.neg(), x.square(), { layout: 'bthd', scale: 0.5 });
    return cat([turned, scaledDotProductAttention(x, x, x, { bias: tensor([[0, 1, 0, -1, 0, 2]]) })], 1);
  },
  constant: (x) => x.mul(tensor([[[1]], [[2]], [[3]], [[4]]])),
};

export const CASES: readonly [string, Module][] = Object.entries(RUNS).map(([name, run]) => [name, new Case(run)]);
