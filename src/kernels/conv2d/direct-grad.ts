/**
 * Gradients of 2-D convolution as implicit matrix products; tile shapes and memory traffic: gemm/lane.ts, gemm/tile.ts.
 *
 * Input: gx[n, c, iy, ix] = sum over r, s, k of w[k, c, r, s] * gy[n, k, (iy + top - r*dilationH) / strideH, …], over the taps
 * for which the division is exact. Those depend only on the phase ((iy + top) mod strideH, (ix + left) mod strideW), so a
 * slice is a group and a phase, and its segments are just the taps of that phase: no product with an inserted zero. Rows are
 * input channels, columns are the pixels of the phase, k runs over the group's output channels. The same kernel is the
 * forward pass of a transposed convolution.
 *
 * Weight: gw[k, c, r, s] = sum over n, oy, ox of gy[n, k, oy, ox] * x[n, c, oy*strideH + r*dilationH - top, …]. Rows are output
 * channels, columns are (c, r, s), a segment is a row of an output image, k runs along it; the reduction is long and the
 * output small, so it is split (gemm/gemm.ts).
 */

import { gemm } from '../gemm/gemm.ts';
import type { Gemm } from '../gemm/problem.ts';
import { ceilDiv, type Fusion, input, type KernelTarget, type Program } from '../kernel.ts';
import { packedLayout, packedRow } from './direct.ts';
import { type Conv2dShape, canonical, firstTap, inPixelQuads, phaseTaps } from './shape.ts';

const inputGradLoaders = /* wgsl */ `
struct Slice {
  columns: u32,
  segments: u32,
  group: u32,
  firstY: u32,  // first input row and column of the phase, and its size
  firstX: u32,
  width: u32,
  pixels: u32,
  r: u32,       // first tap of the phase; the next ones are stepR and stepS further
  s: u32,
  tapsS: u32,
  y: i32,       // output coordinates under that tap at the phase's first pixel
  x: i32,
}

struct Column {
  gy: u32,      // offset of this image's first plane of the group
  y: i32,       // output coordinates under the phase's first tap
  x: i32,
  image: u32,
  pixel: u32,   // in the input image
}

struct Tap {
  offset: u32,
  inside: bool,
}
${firstTap}

// The number of first, first + step, … that are below end.
fn countFrom(first: u32, step: u32, end: u32) -> u32 {
  return select(0u, (end - first + step - 1u) / step, first < end);
}

fn sliceAt(z: u32) -> Slice {
  let group = z / (gemm.strideH * gemm.strideW);
  let phase = z - group * (gemm.strideH * gemm.strideW);
  let phaseY = phase / gemm.strideW;
  let phaseX = phase - phaseY * gemm.strideW;
  let firstY = (phaseY + gemm.strideH - gemm.padTop % gemm.strideH) % gemm.strideH;
  let firstX = (phaseX + gemm.strideW - gemm.padLeft % gemm.strideW) % gemm.strideW;
  let height = countFrom(firstY, gemm.strideH, gemm.H);
  let width = countFrom(firstX, gemm.strideW, gemm.W);
  let r = firstTap(phaseY, gemm.dilationH, gemm.strideH, gemm.stepR);
  let s = firstTap(phaseX, gemm.dilationW, gemm.strideW, gemm.stepS);
  let tapsR = select(countFrom(r, gemm.stepR, gemm.R), 0u, r == gemm.stepR);
  let tapsS = select(countFrom(s, gemm.stepS, gemm.S), 0u, s == gemm.stepS);
  let pixels = height * width;
  // Exact divisions: the tap belongs to the phase.
  let y = (i32(firstY + gemm.padTop) - i32(r * gemm.dilationH)) / i32(gemm.strideH);
  let x = (i32(firstX + gemm.padLeft) - i32(s * gemm.dilationW)) / i32(gemm.strideW);
  return Slice(gemm.images * pixels, tapsR * tapsS, group, firstY, firstX, width, pixels, r, s, tapsS, y, x);
}

fn columnAt(slice: Slice, n: u32) -> Column {
  let image = n / slice.pixels;
  let pixel = n - image * slice.pixels;
  let down = pixel / slice.width;
  let right = pixel - down * slice.width;
  let iy = slice.firstY + down * gemm.strideH;
  let ix = slice.firstX + right * gemm.strideW;
  let y = slice.y + i32(down);
  let x = slice.x + i32(right);
  return Column((image * gemm.groups + slice.group) * gemm.K * gemm.strideB, y, x, image, iy * gemm.W + ix);
}
${packedRow}

fn rowOffset(slice: Slice, m: u32, segment: u32) -> u32 {
  let down = segment / slice.tapsS;
  let r = slice.r + down * gemm.stepR;
  let s = slice.s + (segment - down * slice.tapsS) * gemm.stepS;
  return packedRow(slice.group, m, r * gemm.S + s);
}

fn tapAt(slice: Slice, column: Column, segment: u32) -> Tap {
  let down = segment / slice.tapsS;
  let y = column.y - i32(down * gemm.backY);
  let x = column.x - i32((segment - down * slice.tapsS) * gemm.backX);
  let inside = u32(y) < gemm.outH && u32(x) < gemm.outW;
  return Tap(select(0u, column.gy + u32(y) * gemm.outW + u32(x), inside), inside);
}

fn inside(tap: Tap, k: u32) -> bool {
  return tap.inside;
}

fn outputAt(slice: Slice, column: Column, m: u32) -> Output {
  let channel = slice.group * gemm.M + m;
  return Output((column.image * gemm.groups * gemm.M + channel) * gemm.H * gemm.W + column.pixel, channel, column.pixel);
}`;

/**
 * Reads gy [N, K, outH, outW] = input(0) and the weight packed 'inputGrad' (1x1: OIHW) = input(1), writes
 * gx [N, C, H, W] = output(0). The epilogue's row is the input channel, its column the pixel iy * W + ix.
 */
export function conv2dInputGrad(target: KernelTarget, shape: Conv2dShape, epilogue: Fusion): Program {
  const { N, C, H, W, K, R, S, strideH, strideW, dilationH, dilationW, padding, groups, outH, outW } = canonical(shape);
  const { lanes, panels } = packedLayout(shape, 'inputGrad');
  const rows = phaseTaps(strideH, dilationH);
  const columns = phaseTaps(strideW, dilationW);
  const problem: Gemm = {
    name: 'conv2dInputGrad',
    reads: [
      ['gy', input(0)],
      ['weight', input(1)],
    ],
    a: 'weight',
    b: 'gy',
    quads: { a: lanes % 4 === 0 ? 'side' : undefined, b: inPixelQuads(shape) ? 'side' : undefined },
    strideA: lanes,
    strideB: outH * outW,
    M: C / groups,
    N: N * ceilDiv(H, strideH) * ceilDiv(W, strideW),
    K: K / groups,
    segments: ceilDiv(R, rows.step) * ceilDiv(S, columns.step),
    slices: groups * strideH * strideW,
    output: { size: N * C * H * W, rows: C, columns: H * W },
    fields: {
      images: N,
      groups,
      H,
      W,
      outH,
      outW,
      taps: R * S,
      R,
      S,
      strideH,
      strideW,
      dilationH,
      dilationW,
      padTop: padding[0],
      padLeft: padding[2],
      stepR: rows.step,
      stepS: columns.step,
      backY: rows.back,
      backX: columns.back,
      lanes,
      panels,
    },
    loaders: inputGradLoaders,
  };
  return gemm(target, problem, epilogue);
}

const weightGradLoaders = /* wgsl */ `
struct Slice {
  columns: u32,
  segments: u32,
  group: u32,
}

struct Column {
  n: u32,
  plane: u32,   // channel of x
  y: i32,       // input coordinates under output pixel (0, 0)
  x: i32,
  first: u32,   // the ox for which x is inside: first, first + 1, …, first + count - 1
  count: u32,
}

struct Tap {
  offset: u32,
  first: u32,
  count: u32,
}

fn sliceAt(z: u32) -> Slice {
  return Slice(gemm.columns, gemm.images * gemm.outH, z);
}

fn columnAt(slice: Slice, n: u32) -> Column {
  let c = n / gemm.taps;
  let tap = n - c * gemm.taps;
  let r = tap / gemm.S;
  let y = i32(r * gemm.dilationH) - i32(gemm.padTop);
  let x = i32((tap - r * gemm.S) * gemm.dilationW) - i32(gemm.padLeft);
  let stride = i32(gemm.strideW);
  let first = (max(-x, 0) + stride - 1) / stride;
  let end = clamp((i32(gemm.W) - x + stride - 1) / stride, first, max(first, i32(gemm.K)));
  return Column(n, slice.group * gemm.channels + c, y, x, u32(first), u32(end - first));
}

fn rowOffset(slice: Slice, m: u32, segment: u32) -> u32 {
  let image = segment / gemm.outH;
  let plane = (image * gemm.groups + slice.group) * gemm.M + m;
  return (plane * gemm.outH + segment - image * gemm.outH) * gemm.K;
}

fn tapAt(slice: Slice, column: Column, segment: u32) -> Tap {
  let image = segment / gemm.outH;
  let plane = image * gemm.groups * gemm.channels + column.plane;
  let y = u32(i32((segment - image * gemm.outH) * gemm.strideH) + column.y);
  // The row may begin left of the image: then the offset counts from there (modulo 2^32) and first skips the padding.
  return Tap((plane * gemm.H + y) * gemm.W + u32(column.x), column.first, select(0u, column.count, y < gemm.H));
}

fn inside(tap: Tap, k: u32) -> bool {
  return k - tap.first < tap.count;
}

fn outputAt(slice: Slice, column: Column, m: u32) -> Output {
  let row = slice.group * gemm.M + m;
  return Output(row * gemm.columns + column.n, row, column.n);
}`;

/** Reads gy [N, K, outH, outW] = input(0) and x [N, C, H, W] = input(1), writes gw [K, C/groups, R, S] = output(0). */
export function conv2dWeightGrad(target: KernelTarget, shape: Conv2dShape, epilogue: Fusion): Program {
  const { N, C, H, W, K, R, S, strideH, strideW, dilationH, dilationW, padding, groups, outH, outW } = canonical(shape);
  const channels = C / groups;
  const columns = channels * R * S;
  const problem: Gemm = {
    name: 'conv2dWeightGrad',
    reads: [
      ['gy', input(0)],
      ['x', input(1)],
    ],
    a: 'gy',
    b: 'x',
    quads: {},
    strideA: 1,
    strideB: strideW,
    M: K / groups,
    N: columns,
    K: outW,
    segments: N * outH,
    slices: groups,
    output: { size: K * columns, rows: K, columns },
    fields: {
      images: N,
      groups,
      channels,
      columns,
      H,
      W,
      outH,
      taps: R * S,
      S,
      strideH,
      strideW,
      dilationH,
      dilationW,
      padTop: padding[0],
      padLeft: padding[2],
    },
    loaders: weightGradLoaders,
  };
  // Both operands may be the largest of a network: copies of them as texels would show in its peak.
  return gemm({ ...target, texels: false }, problem, epilogue);
}
