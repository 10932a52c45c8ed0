/**
 * 3x3 convolution of stride 1 by Winograd's F(2x2, 3x3): 2.25 times fewer multiplications than the direct sum.
 * Lavin and Gray 2016, arXiv:1509.09308.
 *
 * The output is cut into 2x2 tiles; P is their number over all images. Three steps: every 4x4 input patch is transformed, one
 * invocation a patch and channel, into V [16, C, P]; sixteen matrix products M[t] = U[t] V[t] of [K, C] by [C, P] run as the groups of a
 * pointwise convolution, with the kernel of those (patches.ts); each 4x4 of M becomes a 2x2 of the output, with the
 * epilogue. V and M are four times the input and the output in size. The weights come transformed, U [16, K, C], by
 * {@link winogradWeights}. C, and in V also P, are padded with zeros to a multiple of 4.
 *
 * Rows are transformed in loops whose bounds come from the uniform: on a CPU, compiling each load and store takes longer than they gain
 * side by side.
 */

import {
  ceilDiv,
  type Fusion,
  flatGrid,
  flatWorkgroup,
  identityEpilogue,
  input,
  type KernelTarget,
  type Operand,
  output,
  type Program,
  temp,
  withOperands,
} from '../kernel.ts';
import { inFours, productOfPlanes } from './patches.ts';
import type { Conv2dShape } from './shape.ts';

/** True if the transform pays: enough channels on both sides and enough tiles to outweigh it, and tiles that are mostly full. */
export function suitsWinograd({
  N,
  C,
  K,
  R,
  S,
  strideH,
  strideW,
  dilationH,
  dilationW,
  groups,
  outH,
  outW,
}: Conv2dShape): boolean {
  const plain =
    R === 3 && S === 3 && strideH === 1 && strideW === 1 && dilationH === 1 && dilationW === 1 && groups === 1;
  const tiles = N * ceilDiv(outH, 2) * ceilDiv(outW, 2);
  const isFull = N * outH * outW >= 0.75 * (4 * tiles);
  return plain && Math.min(C, K) >= 128 && tiles >= MIN_TILES && isFull;
}

/** The convolution that the gradient of the input is: of gy, by the weights turned around and transposed. */
export function mirrored(shape: Conv2dShape): Conv2dShape {
  const { C, K, H, W, outH, outW, padding } = shape;
  const [top, bottom, left, right] = padding;
  return {
    ...shape,
    C: K,
    K: C,
    H: outH,
    W: outW,
    outH: H,
    outW: W,
    padding: [2 - top, 2 - bottom, 2 - left, 2 - right],
  };
}

/** Tiles of 2x2 over all images: fewer leave the products too narrow. */
const MIN_TILES = 48;

const THREADS = 64;

const weightsWgsl = /* wgsl */ `
struct Params {
  // Channels that are summed over, without and with padding; rows times the latter.
  depth: u32,
  pitch: u32,
  count: u32,
  rowStride: u32,
  depthStride: u32,
  // 1 to turn the filter around.
  turned: u32,
  // Rows that are written: 4.
  rows: u32,
}
@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read_write> u: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;
${flatWorkgroup}

// G: [1, 0, 0], [1, 1, 1] / 2, [1, -1, 1] / 2, [0, 0, 1].
fn entry(row: u32, r: u32) -> f32 {
  let middle = select(0.5, -0.5, row == 2u && r == 1u);
  let end = select(0.0, 1.0, r == select(0u, 2u, row == 3u));
  return select(end, middle, row == 1u || row == 2u);
}

fn transformed(g: vec3f) -> vec4f {
  return vec4f(g.x, 0.5 * (g.x + g.y + g.z), 0.5 * (g.x - g.y + g.z), g.z);
}

fn filterRow(at: u32, r: u32) -> vec3f {
  let row = at + 3u * select(r, 2u - r, params.turned == 1u);
  let g = vec3f(weight[row], weight[row + 1u], weight[row + 2u]);
  return select(g, g.zyx, params.turned == 1u);
}

@compute @workgroup_size(${THREADS})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = flatWorkgroup(workgroup, workgroups) * ${THREADS}u + lane;
  if (i >= params.count) {
    return;
  }
  let row = i / params.pitch;
  let k = i - row * params.pitch;
  let inside = k < params.depth;
  let at = row * params.rowStride + min(k, params.depth - 1u) * params.depthStride;
  for (var down = 0u; down < params.rows; down++) {
    var sum = vec3f();
    for (var r = 0u; r < params.rows - 1u; r++) {
      sum += entry(down, r) * filterRow(at, r);
    }
    let t = select(vec4f(), transformed(sum), inside);
    let to = down * 4u * params.count + i;
    u[to] = t.x;
    u[to + params.count] = t.y;
    u[to + 2u * params.count] = t.z;
    u[to + 3u * params.count] = t.w;
  }
}`;

type Direction = 'forward' | 'inputGrad';

/** Rows of the products of a direction, and the channels that they sum over. */
const sidesOf = ({ C, K }: Conv2dShape, direction: Direction) =>
  direction === 'forward' ? { rows: K, depth: C } : { rows: C, depth: K };

/** Elements that {@link winogradWeights} writes. */
export function winogradElements(shape: Conv2dShape, direction: Direction): number {
  const { rows, depth } = sidesOf(shape, direction);
  return 16 * rows * inFours(depth);
}

/** input(0) w [K, C, 3, 3] -> output(0) U [16, K, C] ('inputGrad': [16, C, K], turned around). */
export function winogradWeights(target: KernelTarget, shape: Conv2dShape, direction: Direction): Program {
  const { rows, depth } = sidesOf(shape, direction);
  const isForward = direction === 'forward';
  const [rowStride, depthStride] = isForward ? [shape.C * 9, 9] : [9, shape.C * 9];
  const pitch = inFours(depth);
  const count = rows * pitch;
  const step = {
    name: 'winograd.weights',
    wgsl: weightsWgsl,
    reads: [input(0)],
    writes: [output(0)],
    params: [depth, pitch, count, rowStride, depthStride, isForward ? 0 : 1, 4],
    workgroups: flatGrid(ceilDiv(count, THREADS), target.maxWorkgroupsPerDimension),
  };
  return { steps: [step] };
}

const tileStruct = /* wgsl */ `
struct Params {
  channels: u32,
  H: u32,
  W: u32,
  tilesH: u32,
  tilesW: u32,
  // Tiles of all images, P, in V padded; and that times channels, in V padded.
  tiles: u32,
  count: u32,
  images: u32,
  top: u32,
  left: u32,
  // Rows that are written: 4 of V, 2 of the output.
  rows: u32,
}

struct Tile {
  channel: u32,
  image: u32,
  y: u32,
  x: u32,
}

fn tileAt(i: u32) -> Tile {
  let channel = i / params.tiles;
  let p = i - channel * params.tiles;
  let perImage = params.tilesH * params.tilesW;
  let image = p / perImage;
  let inImage = p - image * perImage;
  let y = inImage / params.tilesW;
  return Tile(channel, image, y, inImage - y * params.tilesW);
}`;

const inputWgsl = /* wgsl */ `
${tileStruct}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> v: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;
${flatWorkgroup}

fn pixel(plane: u32, y: u32, x0: u32) -> f32 {
  // Padding makes coordinates wrap below 0, so one comparison covers both ends.
  let inside = y < params.H && x0 < params.W;
  return select(0.0, x[select(0u, plane + y * params.W + x0, inside)], inside);
}

fn patchRow(plane: u32, y: u32, x0: u32) -> vec4f {
  return vec4f(pixel(plane, y, x0), pixel(plane, y, x0 + 1u), pixel(plane, y, x0 + 2u), pixel(plane, y, x0 + 3u));
}

@compute @workgroup_size(${THREADS})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = flatWorkgroup(workgroup, workgroups) * ${THREADS}u + lane;
  if (i >= params.count) {
    return;
  }
  let tile = tileAt(i);
  let plane = (tile.image * params.channels + tile.channel) * params.H * params.W;
  // Padding of V lies below every image.
  let isTile = tile.channel < params.channels && tile.image < params.images;
  let y = select(params.H, tile.y * 2u - params.top, isTile);
  let x0 = tile.x * 2u - params.left;
  // Rows 0 - 2, 1 + 2, 2 - 1, 1 - 3 of the patch; columns likewise.
  for (var row = 0u; row < params.rows; row++) {
    let one = select(row, 1u, row == 3u);
    let other = select(select(2u, 1u, row == 2u), 3u, row == 3u);
    var t = vec4f();
    for (var term = 0u; term < params.rows / 2u; term++) {
      let sign = select(-1.0, 1.0, term == 0u || row == 1u);
      t += sign * patchRow(plane, y + select(other, one, term == 0u), x0);
    }
    let at = row * 4u * params.count + i;
    v[at] = t.x - t.z;
    v[at + params.count] = t.y + t.z;
    v[at + 2u * params.count] = t.z - t.y;
    v[at + 3u * params.count] = t.y - t.w;
  }
}`;

const outputWgsl = (epilogue: string) => /* wgsl */ `
${tileStruct}
@group(0) @binding(0) var<storage, read> m: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;
${epilogue}
${flatWorkgroup}

fn row(i: u32, r: u32) -> vec4f {
  let at = r * 4u * params.count + i;
  return vec4f(m[at], m[at + params.count], m[at + 2u * params.count], m[at + 3u * params.count]);
}

fn put(tile: Tile, oy: u32, ox: u32, value: f32) {
  if (oy < params.H && ox < params.W) {
    let pixel = oy * params.W + ox;
    let at = (tile.image * params.channels + tile.channel) * params.H * params.W + pixel;
    y[at] = epilogue(value, at, tile.channel, pixel);
  }
}

@compute @workgroup_size(${THREADS})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = flatWorkgroup(workgroup, workgroups) * ${THREADS}u + lane;
  if (i >= params.count) {
    return;
  }
  let tile = tileAt(i);
  // Rows 0 + 1 + 2, then 1 - 2 - 3; columns likewise.
  for (var down = 0u; down < params.rows; down++) {
    var s = vec4f();
    for (var term = 0u; term <= params.rows; term++) {
      s += select(1.0, -1.0, down == 1u && term > 0u) * row(i, down + term);
    }
    for (var right = 0u; right < params.rows; right++) {
      let value = select(s.y - s.z - s.w, s.x + s.y + s.z, right == 0u);
      put(tile, 2u * tile.y + down, 2u * tile.x + right, value);
    }
  }
}`;

/** Reads x = input(0) and U = input(1), writes y = output(0). Epilogue as in `conv2d`: row is the channel, column the pixel. */
export function winograd(target: KernelTarget, shape: Conv2dShape, epilogue: Fusion): Program {
  const { N, C, K, H, W, outH, outW, padding } = shape;
  const tilesH = ceilDiv(outH, 2);
  const tilesW = ceilDiv(outW, 2);
  const P = N * tilesH * tilesW;
  const grid = (count: number) => flatGrid(ceilDiv(count, THREADS), target.maxWorkgroupsPerDimension);
  const [depth, pitch] = [inFours(C), inFours(P)];
  const product = productOfPlanes(
    // Reads the first step's output, in float32.
    { ...target, isFloat16: undefined },
    {
      ...{ name: 'winograd.product', N: 1, K: 16 * K, groups: 16, outPixels: P, depth, weight: 'depth' },
      ...{ depthStride: pitch, imageStride: 0, groupStride: depth * pitch },
    },
    [input(0), input(1)],
    identityEpilogue,
  );
  const place = (o: Operand): Operand =>
    o.kind === 'temp' ? temp(o.index + 2) : o.kind === 'output' ? temp(1) : o.index === 0 ? temp(0) : input(1);
  return {
    temps: [16 * depth * pitch * 4, 16 * K * P * 4, ...(product.temps ?? [])],
    steps: [
      {
        name: 'winograd.input',
        wgsl: inputWgsl,
        reads: [input(0)],
        writes: [temp(0)],
        params: [C, H, W, tilesH, tilesW, pitch, depth * pitch, N, padding[0], padding[2], 4],
        workgroups: grid(depth * pitch),
      },
      ...product.steps.map((step) => withOperands(step, place)),
      {
        name: 'winograd.output',
        wgsl: outputWgsl(epilogue.wgsl),
        reads: [temp(1)],
        writes: [output(0)],
        params: [K, outH, outW, tilesH, tilesW, P, K * P, N, 0, 0, 2],
        workgroups: grid(K * P),
        fusion: epilogue,
      },
    ],
  };
}
