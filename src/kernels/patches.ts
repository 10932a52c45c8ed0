/**
 * What a convolution's filter sees, tap by tap (im2col): planes [N, C, R, S] of output pixels, so that the reduction over pixels
 * runs along memory for every tap. With a filter of one tap it copies planes, padded to whole texels.
 */
import type { Conv2dShape } from './conv2d-shape.ts';
import { ceilDiv, flatGrid, flatWorkgroup, type KernelTarget, type Operand, type Step } from './kernel.ts';

/** Elements of a plane: the output's pixels and zeros up to a multiple of 4. */
export const patchPixels = ({ outH, outW }: Conv2dShape): number => ceilDiv(outH * outW, 4) * 4;

/** Elements of all planes. */
export const patchElements = (shape: Conv2dShape): number => shape.N * shape.C * shape.R * shape.S * patchPixels(shape);

/** Copies x [N, C, H, W] = `from` into planes: `to[n, c, r, s, oy * outW + ox]` is what tap (r, s) of output pixel (oy, ox) reads. One invocation a plane. */
export function patches(target: KernelTarget, name: string, shape: Conv2dShape, from: Operand, to: Operand): Step {
  const { N, C, H, W, R, S, strideH, strideW, dilationH, dilationW, padding, outH, outW } = shape;
  const planes = N * C * R * S;
  return {
    name,
    wgsl: patchesWgsl,
    reads: [from],
    writes: [to],
    params: [
      ...[planes, R * S, S, H, W, outH, outW, patchPixels(shape)],
      ...[strideH, strideW, dilationH, dilationW, padding[0], padding[2]],
    ],
    workgroups: flatGrid(ceilDiv(planes, 64), target.maxWorkgroupsPerDimension),
  };
}

const patchesWgsl = /* wgsl */ `
struct Patches {
  planes: u32,
  taps: u32,
  S: u32,
  H: u32,
  W: u32,
  outH: u32,
  outW: u32,
  pixels: u32,
  strideH: u32,
  strideW: u32,
  dilationH: u32,
  dilationW: u32,
  padTop: u32,
  padLeft: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> planes: array<f32>;
@group(0) @binding(2) var<uniform> params: Patches;
${flatWorkgroup}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let plane = flatWorkgroup(workgroup, workgroups) * 64u + thread;
  if (plane >= params.planes) {
    return;
  }
  let channel = plane / params.taps;
  let tap = plane - channel * params.taps;
  let r = tap / params.S;
  // As u32, a coordinate above or left of the image is past its end too.
  let top = r * params.dilationH - params.padTop;
  let left = (tap - r * params.S) * params.dilationW - params.padLeft;
  let source = channel * params.H * params.W;
  var to = plane * params.pixels;
  let end = to + params.pixels;
  for (var oy = 0u; oy < params.outH; oy++) {
    let y = top + oy * params.strideH;
    for (var ox = 0u; ox < params.outW; ox++) {
      let at = left + ox * params.strideW;
      let inside = y < params.H && at < params.W;
      planes[to] = select(0.0, x[select(0u, source + y * params.W + at, inside)], inside);
      to++;
    }
  }
  for (; to < end; to++) {
    planes[to] = 0.0;
  }
}`;
