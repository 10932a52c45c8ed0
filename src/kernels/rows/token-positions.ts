/** Positions of tokens in their texts, where padding counts for nothing. One invocation computes a text. */
import { input, type KernelTarget, output, type Program } from '../kernel.ts';
import { rowKernel } from './row.ts';

const wgsl = /* wgsl */ `
@group(0) @binding(0) var<storage, read> ids: array<i32>;
@group(0) @binding(1) var<storage, read_write> y: array<i32>;
alias Lane = i32;

fn reduceRow(row: u32, base: u32, lane: u32) {
  let padding = i32(params.padding);
  var at = padding;
  for (var c = 0u; c < params.length; c += 1u) {
    var position = padding;
    if (ids[base + c] != padding) {
      at += 1i;
      position = at;
    }
    y[base + c] = position;
  }
}`;

/** input(0) numbers of tokens int32 [rows, length] -> output(0): padding + 1, padding + 2, …; `padding` where a token is that. */
export function tokenPositions(
  target: KernelTarget,
  { rows, length, padding }: { readonly rows: number; readonly length: number; readonly padding: number },
): Program {
  const kernel = {
    name: 'tokenPositions',
    reads: [input(0)],
    writes: [output(0)],
    fields: { wgsl: '  padding: u32,', words: [padding] },
    wgsl,
  };
  return { steps: [rowKernel(target, { rows, length, inner: 1 }, kernel, true)] };
}
