/**
 * 2-D convolution, forward, as an implicit matrix product (no im2col buffer): NCHW by OIHW.
 *
 *   y[n, k, oy, ox] = sum over r, s, c of w[k, c, r, s] * x[n, c, oy*strideH + r*dilationH - top, ox*strideW + s*dilationW - left]
 *
 * Rows are output channels of a group, columns are output pixels over all images, a segment is a filter tap (r, s), k runs
 * over the group's input channels, a slice is a group. The tap's offset and validity are computed once per segment and column;
 * inside it x advances by one channel plane. Tile shapes and memory traffic: gemm/lane.ts, gemm/tile.ts. Weights are read
 * packed in panels (gemm/panels.ts).
 */

import { gemm } from '../gemm/gemm.ts';
import { type PanelLayout, type PanelSource, packPanels, panelLayout } from '../gemm/panels.ts';
import type { Gemm } from '../gemm/problem.ts';
import { type Fusion, input, type KernelTarget, output, type Program } from '../kernel.ts';
import { type Conv2dShape, canonical, inPixelQuads, type PackDirection } from './shape.ts';

/** Rows and depth (the channels that are summed over) of the product that `direction` computes, per group. */
function packedSides(shape: Conv2dShape, direction: PackDirection): PanelSource {
  const [C, K] = [shape.C / shape.groups, shape.K / shape.groups];
  const taps = shape.R * shape.S;
  const [outputs, inputs] = [C * taps, taps];
  const sides =
    direction === 'forward'
      ? { rows: K, rowStride: outputs, depth: C, depthStride: inputs }
      : { rows: C, rowStride: inputs, depth: K, depthStride: outputs };
  return { ...sides, slices: shape.groups, sliceStride: K * C * taps, taps };
}

/** True if the kernels read OIHW as it is: for the input gradient of a 1x1 filter, where OIHW is one panel as wide as there are rows. */
const readsPlain = ({ R, S }: Conv2dShape, direction: PackDirection): boolean =>
  direction === 'inputGrad' && R * S === 1;

/** Packed weights: [group][panel][r][s][depth][lane]. */
export function packedLayout(shape: Conv2dShape, direction: PackDirection): PanelLayout {
  const sides = packedSides(shape, direction);
  if (!readsPlain(shape, direction)) return panelLayout(sides);
  return { lanes: sides.rows, panels: 1, elements: sides.slices * sides.rows * sides.depth };
}

/** Elements that {@link packWeights} writes; null where OIHW is read as it is. */
export const packedElements = (shape: Conv2dShape, direction: PackDirection): number | null =>
  readsPlain(shape, direction) ? null : packedLayout(shape, direction).elements;

/** Copies w = input(0), OIHW, into the layout that {@link conv2d} ('forward') or `conv2dInputGrad` ('inputGrad') reads as input(1). */
export function packWeights(target: KernelTarget, shape: Conv2dShape, direction: PackDirection): Program {
  return { steps: [packPanels(target, 'conv2d.pack', packedSides(shape, direction), input(0), output(0))] };
}

/** WGSL: offset of row m of a packed weight at k = 0 of a tap. `lanes`, `panels`, `taps` and K come from the uniform. */
export const packedRow = /* wgsl */ `
fn packedRow(group: u32, m: u32, tap: u32) -> u32 {
  let panel = m / gemm.lanes;
  let lane = m - panel * gemm.lanes;
  return ((group * gemm.panels + panel) * gemm.taps + tap) * gemm.K * gemm.lanes + lane;
}`;

const loaders = /* wgsl */ `
struct Slice {
  columns: u32,
  segments: u32,
  group: u32,
}

struct Column {
  x: u32,       // offset of this image's first plane of the group
  y: u32,       // offset of this pixel in the group's first output plane
  top: i32,     // input coordinates under tap (0, 0)
  left: i32,
  pixel: u32,
}

struct Tap {
  offset: u32,
  inside: bool,
}

fn sliceAt(z: u32) -> Slice {
  return Slice(gemm.images * gemm.outPixels, gemm.taps, z);
}

fn columnAt(slice: Slice, n: u32) -> Column {
  let image = n / gemm.outPixels;
  let pixel = n - image * gemm.outPixels;
  let oy = pixel / gemm.outW;
  let ox = pixel - oy * gemm.outW;
  let top = i32(oy * gemm.strideH) - i32(gemm.padTop);
  let left = i32(ox * gemm.strideW) - i32(gemm.padLeft);
  let x = (image * gemm.groups + slice.group) * gemm.K * gemm.strideB;
  let y = (image * gemm.groups + slice.group) * gemm.M * gemm.outPixels + pixel;
  return Column(x, y, top, left, pixel);
}
${packedRow}

fn rowOffset(slice: Slice, m: u32, segment: u32) -> u32 {
  return packedRow(slice.group, m, segment);
}

fn tapAt(slice: Slice, column: Column, segment: u32) -> Tap {
  let r = segment / gemm.S;
  let y = column.top + i32(r * gemm.dilationH);
  let x = column.left + i32((segment - r * gemm.S) * gemm.dilationW);
  // As u32, a negative coordinate is past the end too.
  let inside = u32(y) < gemm.H && u32(x) < gemm.W;
  return Tap(select(0u, column.x + u32(y) * gemm.W + u32(x), inside), inside);
}

fn inside(tap: Tap, k: u32) -> bool {
  return tap.inside;
}

fn outputAt(slice: Slice, column: Column, m: u32) -> Output {
  return Output(column.y + m * gemm.outPixels, slice.group * gemm.M + m, column.pixel);
}`;

/**
 * Reads x = input(0) and the weight packed 'forward' = input(1), writes y = output(0).
 * The epilogue's row is the output channel, its column the pixel oy * outW + ox.
 */
export function conv2d(target: KernelTarget, shape: Conv2dShape, epilogue: Fusion): Program {
  const { N, C, H, W, K, R, S, strideH, strideW, dilationH, dilationW, padding, groups, outH, outW } = canonical(shape);
  const { lanes, panels } = packedLayout(shape, 'forward');
  const outPixels = outH * outW;
  const problem: Gemm = {
    name: 'conv2d',
    reads: [
      ['x', input(0)],
      ['weight', input(1)],
    ],
    a: 'weight',
    b: 'x',
    quads: { a: lanes % 4 === 0 ? 'side' : undefined, b: inPixelQuads(shape) ? 'side' : undefined },
    strideA: lanes,
    strideB: H * W,
    M: K / groups,
    N: N * outPixels,
    K: C / groups,
    segments: R * S,
    slices: groups,
    output: { size: N * K * outPixels, rows: K, columns: outPixels },
    fields: {
      images: N,
      groups,
      H,
      W,
      outPixels,
      outW,
      taps: R * S,
      S,
      strideH,
      strideW,
      dilationH,
      dilationW,
      padTop: padding[0],
      padLeft: padding[2],
      lanes,
      panels,
    },
    loaders,
  };
  return gemm(target, problem, epilogue);
}
