/**
 * 2-D convolution as a plain matrix product over patches (im2col), for adapters on which a product that loads texels is worth a copy
 * of its input. Its gradients: patches-grad.ts.
 *
 * Patches are planes of output pixels, one for each (group, c, r, s): plane [n, oy, ox] is the pixel that the tap reads. Four neighbours of a
 * plane come with one load, and so do four neighbours of a weight's row (c, r, s), which OIHW has side by side. Planes of a group are
 * padded with zeros to a multiple of 4 in number and in length. A pointwise convolution has its patches in x.
 */

import { gemm } from '../gemm/gemm.ts';
import { type Gemm, unpadded } from '../gemm/problem.ts';
import {
  ceilDiv,
  type Fusion,
  flatGrid,
  flatWorkgroup,
  input,
  type KernelTarget,
  type Operand,
  output,
  type Program,
  type Step,
  temp,
} from '../kernel.ts';
import { type Conv2dShape, canonical, inPixelQuads } from './shape.ts';

/** The next multiple of 4. */
export const inFours = (n: number): number => ceilDiv(n, 4) * 4;

/** Rows of the product over which a patch is shared: fewer are not worth copying it. */
const MIN_ROWS = 64;

/** Patches may take so much memory, else the implicit product (direct.ts) does without. */
export const MAX_PATCHES_BYTES = 16 * 1024 * 1024;

/** Elements of a weight's row. */
export const depthOf = ({ C, R, S, groups }: Conv2dShape): number => (C / groups) * R * S;

/** Planes of a group, and elements from one to the next. */
export function patchLayout(shape: Conv2dShape): {
  readonly planes: number;
  readonly pitch: number;
  readonly elements: number;
} {
  const planes = inFours(depthOf(shape));
  const pitch = inFours(shape.N * shape.outH * shape.outW);
  return { planes, pitch, elements: shape.groups * planes * pitch };
}

/** True if x is its own patches. */
const hasPatches = (shape: Conv2dShape): boolean => inPixelQuads(shape) && (shape.C / shape.groups) % 4 === 0;

/** True if the forward product gains by patches. */
export const suitsPatches = (shape: Conv2dShape): boolean => hasPatches(shape) || isWorthPatches(shape);

/** True if a product gains by patches that are copied for it. */
export const isWorthPatches = (shape: Conv2dShape): boolean =>
  shape.K / shape.groups >= MIN_ROWS && 4 * patchLayout(shape).elements <= MAX_PATCHES_BYTES;

/** Fewer invocations leave cores of a software adapter idle. */
export const MIN_THREADS = 1024;

/** Copies x [N, C, H, W] = `from` into its patches. One invocation some rows of a plane, from image to image. */
export function patches(target: KernelTarget, name: string, shape: Conv2dShape, from: Operand, to: Operand): Step {
  const { N, C, H, W, R, S, groups, strideH, strideW, dilationH, dilationW, padding, outH, outW } = shape;
  const { planes, pitch } = patchLayout(shape);
  const parts = Math.min(N * outH, ceilDiv(MIN_THREADS, groups * planes));
  const threads = groups * planes * parts;
  return {
    name,
    wgsl: patchesWgsl,
    reads: [from],
    writes: [to],
    params: [
      ...[threads, parts, N * outH, C, C / groups, planes, pitch, R * S, S, H, W, outH, outW],
      ...[strideH, strideW, dilationH, dilationW, padding[0], padding[2]],
    ],
    workgroups: flatGrid(ceilDiv(threads, 64), target.maxWorkgroupsPerDimension),
  };
}

const patchesWgsl = /* wgsl */ `
struct Patches {
  threads: u32,
  // Parts of a plane, and its rows in all images.
  parts: u32,
  rows: u32,
  channels: u32,
  depth: u32,    // channels of a group
  planes: u32,   // of a group
  pitch: u32,
  taps: u32,
  S: u32,
  H: u32,
  W: u32,
  outH: u32,
  outW: u32,
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
  let i = flatWorkgroup(workgroup, workgroups) * 64u + thread;
  if (i >= params.threads) {
    return;
  }
  let plane = i / params.parts;
  let part = i - plane * params.parts;
  let group = plane / params.planes;
  let inGroup = plane - group * params.planes;
  let c = inGroup / params.taps;
  let tap = inGroup - c * params.taps;
  let r = tap / params.S;
  // As u32, a coordinate above or left of the image is past its end too. So is all of a plane that pads the group.
  let isPlane = c < params.depth;
  let top = r * params.dilationH - params.padTop;
  let left = (tap - r * params.S) * params.dilationW - params.padLeft;
  let inPart = (params.rows + params.parts - 1u) / params.parts;
  let first = min(part * inPart, params.rows);
  let last = min(first + inPart, params.rows);
  let image = first / params.outH;
  var oy = first - image * params.outH;
  var source = (image * params.channels + group * params.depth + c) * params.H * params.W;
  var to = plane * params.pitch + first * params.outW;
  for (var row = first; row < last; row++) {
    let y = top + oy * params.strideH;
    let isRow = isPlane && y < params.H;
    for (var ox = 0u; ox < params.outW; ox++) {
      let column = left + ox * params.strideW;
      let inside = isRow && column < params.W;
      planes[to] = select(0.0, x[select(0u, source + y * params.W + column, inside)], inside);
      to++;
    }
    oy++;
    if (oy == params.outH) {
      oy = 0u;
      source += params.channels * params.H * params.W;
    }
  }
  let end = select(to, (plane + 1u) * params.pitch, last == params.rows);
  for (; to < end; to++) {
    planes[to] = 0.0;
  }
}`;

/** A shape whose patches are `x` [N, C, pixels] itself, with the images of a channel side by side. */
export const copied = (N: number, C: number, pixels: number, groups: number): Conv2dShape => ({
  ...{ N, C, H: 1, W: pixels, K: C, R: 1, S: 1, groups, outH: 1, outW: pixels },
  ...{ strideH: 1, strideW: 1, dilationH: 1, dilationW: 1, padding: [0, 0, 0, 0] },
});

/** The rows of a weight, as planes. */
const rowsOf = (shape: Conv2dShape): Conv2dShape => copied(1, shape.K, depthOf(shape), 1);

/** Elements that {@link packRows} writes; null where rows are a multiple of 4 and read as they are. */
export const packedRowElements = (shape: Conv2dShape): number | null =>
  depthOf(shape) % 4 === 0 ? null : patchLayout(rowsOf(shape)).elements;

/** Copies w = input(0), OIHW, with its rows padded to a multiple of 4. */
export function packRows(target: KernelTarget, shape: Conv2dShape): Program {
  return { steps: [patches(target, 'conv2d.packRows', rowsOf(shape), input(0), output(0))] };
}

/** y [N, K, outPixels] = weight by planes, for each group of channels. */
interface PlaneProduct {
  /** Label of the kernel. */
  readonly name: string;
  readonly N: number;
  readonly K: number;
  readonly groups: number;
  readonly outPixels: number;
  /** Planes of a group that are read, which is the length of a weight's row. */
  readonly depth: number;
  /** The axis that lies side by side in the weight of a group: a row's elements, or the rows. Multiples of 4. */
  readonly weight: 'depth' | 'side';
  /** Elements between planes, images and groups of x. */
  readonly depthStride: number;
  readonly imageStride: number;
  readonly groupStride: number;
}

const productLoaders = /* wgsl */ `
struct Slice {
  columns: u32,
  segments: u32,
  group: u32,
}

struct Column {
  x: u32,
  y: u32,       // of this pixel in the group's first output plane
  pixel: u32,
}

${unpadded}

fn sliceAt(z: u32) -> Slice {
  return Slice(gemm.images * gemm.outPixels, 1u, z);
}

fn columnAt(slice: Slice, n: u32) -> Column {
  let image = n / gemm.outPixels;
  let pixel = n - image * gemm.outPixels;
  let y = (image * gemm.groups + slice.group) * gemm.M * gemm.outPixels + pixel;
  return Column(slice.group * gemm.groupStride + image * gemm.imageStride + pixel, y, pixel);
}

fn rowOffset(slice: Slice, m: u32, segment: u32) -> u32 {
  return slice.group * gemm.M * gemm.K + m * gemm.rowStride;
}

fn tapAt(slice: Slice, column: Column, segment: u32) -> Tap {
  return Tap(column.x);
}

fn outputAt(slice: Slice, column: Column, m: u32) -> Output {
  return Output(column.y + m * gemm.outPixels, slice.group * gemm.M + m, column.pixel);
}`;

/** output(0) = y of `product`. The epilogue's row is the output channel, its column the pixel. */
export function productOfPlanes(
  target: KernelTarget,
  product: PlaneProduct,
  [x, weight]: readonly [x: Operand, weight: Operand],
  epilogue: Fusion,
  before: NonNullable<Gemm['before']> = { steps: [], temps: [] },
): Program {
  const { N, groups, outPixels, depth, depthStride, imageStride, groupStride } = product;
  const M = product.K / groups;
  const [strideA, rowStride] = product.weight === 'depth' ? [1, depth] : [M, 1];
  const problem: Gemm = {
    name: product.name,
    before,
    reads: [
      ['x', x],
      ['weight', weight],
    ],
    a: 'weight',
    b: 'x',
    quads: { a: product.weight, b: 'side' },
    strideA,
    strideB: depthStride,
    M,
    N: N * outPixels,
    K: depth,
    segments: 1,
    slices: groups,
    output: { size: N * product.K * outPixels, rows: product.K, columns: outPixels },
    fields: { images: N, groups, outPixels, imageStride, groupStride, rowStride },
    loaders: productLoaders,
  };
  return gemm(target, problem, epilogue);
}

/** Planes of channels [N, C, pixels] as they are, of which four neighbours come at a time. */
export const planesAsTheyAre = (channels: number, groups: number, pixels: number) => ({
  depthStride: pixels,
  imageStride: channels * pixels,
  groupStride: (channels / groups) * pixels,
});

/** Planes of {@link patchLayout}. */
export const planesOfPatches = (shape: Conv2dShape) => {
  const { planes, pitch } = patchLayout(shape);
  return { depthStride: pitch, imageStride: shape.outH * shape.outW, groupStride: planes * pitch };
};

/** Reads x = input(0) and the weight, OIHW or {@link packRows}, = input(1), writes y = output(0). Epilogue as in `conv2d`. */
export function conv2dOfPatches(target: KernelTarget, shape: Conv2dShape, epilogue: Fusion): Program {
  const { N, C, K, groups, outH, outW } = shape;
  const outPixels = outH * outW;
  const product = { name: 'conv2d', N, K, groups, outPixels, depth: inFours(depthOf(shape)), weight: 'depth' } as const;
  if (hasPatches(shape))
    return productOfPlanes(
      target,
      { ...product, ...planesAsTheyAre(C, groups, outPixels) },
      [input(0), input(1)],
      epilogue,
    );
  const steps = [patches(target, 'conv2d.patches', canonical(shape), input(0), temp(0))];
  const before = { steps, temps: [4 * patchLayout(shape).elements] };
  return productOfPlanes(target, { ...product, ...planesOfPatches(shape) }, [temp(0), input(1)], epilogue, before);
}
