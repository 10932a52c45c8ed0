/** Batch normalisation per channel, from the batch's statistics or from given ones. Ioffe and Szegedy 2015, arXiv:1502.03167. */
import { ArgumentError, ShapeError } from '../core/errors.ts';
import { dims4, formatShape } from '../core/shape.ts';
import { recordAssign, recordElementwise, recordKernel } from '../graph/record.ts';
import { floatTypeOf, type Value, withShape } from '../graph/value.ts';
import { batchNormGradStats, batchNormStats } from '../kernels/batchnorm.ts';
import { batchNormFold } from '../kernels/batchnorm-fold.ts';
import { SCALE_SHIFT } from '../kernels/expressions.ts';
import { defineOp, type Op } from './op.ts';

export interface BatchNormAttributes {
  /** Normalise by the batch's statistics (and move the running ones), or by the running ones. */
  readonly training: boolean;
  /** Share of the new statistics. */
  readonly momentum: number;
  readonly eps: number;
  readonly runningMean: Value | null;
  readonly runningVar: Value | null;
}

/** [C] as it broadcasts against [N, C, H, W]. */
const perChannel = (v: Value): Value => withShape(v, [v.data.count, 1, 1]);

const channelwise = (name: string, wgsl: string, inputs: Value[], C: number, scalars: number[] = []): Value =>
  recordElementwise(
    name,
    wgsl,
    inputs.map((v) => withShape(v, [C])),
    [C],
    { scalars, dtype: 'float32' },
  );

/** inputs: x, weight or null, bias or null. */
export const batchNorm2d: Op<BatchNormAttributes> = defineOp<BatchNormAttributes>({
  name: 'batchNorm2d',
  forward: ([x, weight, bias], { training, momentum, eps, runningMean, runningVar }, saved) => {
    const [N, C, H, W] = dims4('batchNorm2d', 'the input', x!.shape);
    for (const [what, v] of Object.entries({ weight, bias, runningMean, runningVar }))
      if (v && v.data.count !== C)
        throw new ShapeError(
          'batchNorm2d',
          `${what} must be [${C}] for input ${formatShape(x!.shape)}, got ${formatShape(v.shape)}.`,
          [x!.shape, v.shape],
        );
    const n = N * H * W;
    // Statistics, scale and shift are float32; only what is as large as x is kept in x's type.
    const dtype = floatTypeOf(x!);
    let mean = runningMean;
    let variance = runningVar;
    if (training) {
      if (n < 2)
        throw new ShapeError(
          'batchNorm2d',
          `expected more than 1 value per channel when training, got input ${formatShape(x!.shape)}. Use larger batches or images, or evaluation mode.`,
          [x!.shape],
        );
      [mean, variance] = recordKernel('batchNormStats', [x!], [{ shape: [C] }, { shape: [C] }], {
        key: '',
        lower: (target) => batchNormStats(target, { N, C, HW: H * W }),
      }) as [Value, Value];
      if (runningMean)
        recordAssign('runningMean', 'a * s + b * t', runningMean, [runningMean, mean], [1 - momentum, momentum]);
      // The running variance is the unbiased one, as in PyTorch.
      if (runningVar)
        recordAssign(
          'runningVar',
          'a * s + b * t',
          runningVar,
          [runningVar, variance],
          [1 - momentum, (momentum * n) / (n - 1)],
        );
    } else if (!mean || !variance)
      throw new ArgumentError('batchNorm2d: running statistics are needed unless training. Pass both.');
    const invstd = training || saved ? channelwise('invstd', 'inverseSqrt(a + s)', [variance], C, [eps]) : null;
    if (saved) Object.assign(saved, { mean, invstd });
    // With the statistics fixed, scale and shift are constants: the planner computes them once and fuses the rest.
    if (!training) {
      const affine = { weight: Boolean(weight), bias: Boolean(bias) };
      const inputs = [mean, variance, weight, bias].flatMap((v) => (v ? [withShape(v, [C])] : []));
      const [scale, shift] = recordKernel('batchNormFold', inputs, [{ shape: [C] }, { shape: [C] }], {
        key: JSON.stringify([affine, eps]),
        lower: (target) => batchNormFold(target, { C, eps, ...affine }),
      }) as [Value, Value];
      return recordElementwise('batchNorm2d', SCALE_SHIFT, [x!, perChannel(scale), perChannel(shift)], x!.shape, {
        dtype,
      });
    }
    const scale = weight ? channelwise('bnScale', 'a * b', [invstd!, weight], C) : invstd!;
    const inputs = [x!, perChannel(mean), perChannel(scale)];
    return bias
      ? recordElementwise('batchNorm2d', '(a - b) * c + d', [...inputs, perChannel(bias)], x!.shape, { dtype })
      : recordElementwise('batchNorm2d', '(a - b) * c', inputs, x!.shape, { dtype });
  },
  backward: (gy, { inputs: [x, weight, bias], attributes: { training }, needs, saved }) => {
    const [N, C, H, W] = dims4('batchNorm2d', 'the input', x!.shape);
    const { mean, invstd } = saved as { mean: Value; invstd: Value };
    const scale = weight ? channelwise('bnScale', 'a * b', [invstd, weight], C) : invstd;
    let sums: Value[] = [];
    if ((training && needs[0]) || needs[1] || needs[2])
      sums = recordKernel('batchNormGradStats', [gy, x!, mean, invstd], [{ shape: [C] }, { shape: [C] }], {
        key: '',
        lower: (target) => batchNormGradStats(target, { N, C, HW: H * W }),
      });
    const [sumG, sumGX] = sums as [Value, Value];
    let gx: Value | null = null;
    const dtype = floatTypeOf(x!);
    if (needs[0] && training) {
      // gx = scale * (gy - sum(gy) / n - xhat * sum(gy * xhat) / n)
      const perElement = [1 / (N * H * W)];
      const slope = channelwise('bnSlope', 'a * b * c * s', [scale, invstd, sumGX], C, perElement);
      const offset = channelwise('bnOffset', 'a * b * s', [scale, sumG], C, perElement);
      const inputs = [gy, x!, ...[mean, scale, slope, offset].map(perChannel)];
      gx = recordElementwise('batchNorm2d.grad', 'a * d - (b - c) * e - f', inputs, x!.shape, { dtype });
    } else if (needs[0])
      gx = recordElementwise('batchNorm2d.grad', 'a * b', [gy, perChannel(scale)], x!.shape, { dtype });
    return [gx, needs[1] ? withShape(sumGX, weight!.shape) : null, needs[2] ? withShape(sumG, bias!.shape) : null];
  },
});
