/** Batch normalisation by given statistics as an affine map per channel, which other kernels then apply in their epilogues. */
import { ceilDiv, float, input, type KernelTarget, output, type Program, type Step } from './kernel.ts';
import { workgroupThreads } from './workgroup.ts';

/** Operands of {@link batchNormFold} beside the statistics. */
export interface Affine {
  readonly weight: boolean;
  readonly bias: boolean;
}

const foldWgsl = (threads: number, { weight, bias }: Affine) => {
  const reads = ['mean', 'variance', ...(weight ? ['weight'] : []), ...(bias ? ['bias'] : [])];
  const declared = [
    ...reads.map((name) => `var<storage, read> ${name}: array<f32>`),
    'var<storage, read_write> scale: array<f32>',
    'var<storage, read_write> shift: array<f32>',
    'var<uniform> params: Params',
  ];
  return /* wgsl */ `
const THREADS = ${threads}u;
struct Params {
  channels: u32,
  eps: f32,
}
${declared.map((text, binding) => `@group(0) @binding(${binding}) ${text};\n`).join('')}
@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= params.channels) {
    return;
  }
  let factor = inverseSqrt(variance[c] + params.eps)${weight ? ' * weight[c]' : ''};
  scale[c] = factor;
  shift[c] = ${bias ? 'bias[c] ' : ''}- mean[c] * factor;
}`;
};

/**
 * input(0) mean [C], input(1) variance [C], then weight [C] and bias [C] as there are -> output(0) scale [C], output(1) shift [C]:
 * (x - mean) / sqrt(variance + eps) * weight + bias = x * scale + shift.
 */
export function batchNormFold(
  target: KernelTarget,
  { C, eps, weight, bias }: Affine & { readonly C: number; readonly eps: number },
): Program {
  const threads = workgroupThreads(target);
  const count = 2 + Number(weight) + Number(bias);
  const step: Step = {
    name: 'batchnorm.fold',
    wgsl: foldWgsl(threads, { weight, bias }),
    reads: Array.from({ length: count }, (_, k) => input(k)),
    writes: [output(0), output(1)],
    params: [C, float(eps)],
    workgroups: [ceilDiv(C, threads), 1, 1],
  };
  return { steps: [step] };
}
