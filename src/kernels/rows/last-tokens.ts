/** The last token of each text that is no padding. One invocation computes a text. */
import { input, type KernelTarget, output, type Program } from '../kernel.ts';
import { rowKernel } from './row.ts';

const wgsl = /* wgsl */ `
@group(0) @binding(0) var<storage, read> ids: array<i32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
alias Lane = i32;

fn reduceRow(row: u32, base: u32, lane: u32) {
  let padding = i32(params.padding);
  var last = 0u;
  for (var c = 0u; c < params.length; c += 1u) {
    if (ids[base + c] != padding) {
      last = c;
    }
  }
  for (var c = 0u; c < params.length; c += 1u) {
    y[base + c] = select(0.0, 1.0, c == last);
  }
}`;

/** input(0) numbers of tokens int32 [rows, length] -> output(0) 1 at the last that is not `padding`, else 0; at the first where all are. */
export function lastTokens(
  target: KernelTarget,
  { rows, length, padding }: { readonly rows: number; readonly length: number; readonly padding: number },
): Program {
  const kernel = {
    name: 'lastTokens',
    reads: [input(0)],
    writes: [output(0)],
    fields: { wgsl: '  padding: u32,', words: [padding] },
    wgsl,
  };
  return { steps: [rowKernel(target, { rows, length, inner: 1 }, kernel, true)] };
}
