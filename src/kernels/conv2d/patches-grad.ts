/**
 * Gradients of 2-D convolution as plain matrix products, as patches.ts has the forward pass.
 *
 * Weight: the planes of gy by the patches of x, along all pixels. Input: the transposed weight, read as OIHW has it, by the planes of gy
 * gives the gradients of the patches, from which each pixel of x gathers its own (col2im).
 */
import { gemm } from '../gemm/gemm.ts';
import { type Gemm, unpadded } from '../gemm/problem.ts';
import {
  ceilDiv,
  type Fusion,
  flatGrid,
  flatWorkgroup,
  identityEpilogue,
  input,
  type KernelTarget,
  laneFits,
  type Operand,
  output,
  type Program,
  type Step,
  temp,
  withOperands,
} from '../kernel.ts';
import {
  copied,
  depthOf,
  isWorthPatches,
  MAX_PATCHES_BYTES,
  MIN_THREADS,
  patches,
  patchLayout,
  planesAsTheyAre,
  planesOfPatches,
  productOfPlanes,
} from './patches.ts';
import { type Conv2dShape, canonical, firstTap, inPixelQuads, phaseTaps } from './shape.ts';

/** True if the weight's gradient gains by patches: x as its own patches only in float32, which texels hold. */
export const weightGradSuitsPatches = (target: KernelTarget, shape: Conv2dShape): boolean =>
  laneFits(target) && (inPixelQuads(shape) ? !target.isFloat16?.(input(0)) : isWorthPatches(shape));

/** Output channels of a group from which on the product outweighs the gathering. */
const MIN_DEPTH = 256;

/** True if the input's gradient gains by patches. */
export function inputGradSuitsPatches(shape: Conv2dShape): boolean {
  const { N, C, K, R, S, groups, outH, outW } = shape;
  if (depthOf(shape) % 4 !== 0) return false;
  return inPixelQuads(shape) || (K / groups >= MIN_DEPTH && 4 * N * C * R * S * outH * outW <= MAX_PATCHES_BYTES);
}

const weightGradLoaders = /* wgsl */ `
struct Slice {
  columns: u32,
  segments: u32,
  group: u32,
}

struct Column {
  n: u32,
}

${unpadded}

fn sliceAt(z: u32) -> Slice {
  return Slice(gemm.columns, gemm.segments, z);
}

fn columnAt(slice: Slice, n: u32) -> Column {
  return Column(n);
}

fn rowOffset(slice: Slice, m: u32, segment: u32) -> u32 {
  return ((segment * gemm.groups + slice.group) * gemm.rowPlanes + m) * gemm.pitch;
}

fn tapAt(slice: Slice, column: Column, segment: u32) -> Tap {
  return Tap(((segment * gemm.groups + slice.group) * gemm.columnPlanes + column.n) * gemm.pitch);
}

fn outputAt(slice: Slice, column: Column, m: u32) -> Output {
  let row = slice.group * gemm.M + m;
  return Output(row * gemm.columns + column.n, row, column.n);
}`;

/**
 * Reads gy [N, K, outH, outW] = input(0) and x [N, C, H, W] = input(1), writes gw [K, C/groups, R, S] = output(0). The sum runs along the
 * planes of both, over all images at once; where x is its own patches, one image after another.
 */
export function weightGradOfPatches(target: KernelTarget, shape: Conv2dShape, epilogue: Fusion): Program {
  const { N, C, K, groups, outH, outW } = shape;
  const pixels = outH * outW;
  const columns = depthOf(shape);
  const ofY = copied(N, K, pixels, groups);
  const isPlain = inPixelQuads(shape);
  const before = isPlain
    ? { steps: [], temps: [] }
    : {
        steps: [
          patches(target, 'conv2dWeightGrad.rows', ofY, input(0), temp(0)),
          patches(target, 'conv2dWeightGrad.patches', canonical(shape), input(1), temp(1)),
        ],
        temps: [4 * patchLayout(ofY).elements, 4 * patchLayout(shape).elements],
      };
  const pitch = isPlain ? pixels : patchLayout(shape).pitch;
  // Read in fours, a plane of four pixels is one step of k, and the next image's is a stride further.
  const walksImages = isPlain && pixels === 4 && laneFits(target) && target.texels;
  const segments = isPlain && !walksImages ? N : 1;
  const problem: Gemm = {
    name: 'conv2dWeightGrad',
    before,
    reads: [
      ['gy', isPlain ? input(0) : temp(0)],
      ['x', isPlain ? input(1) : temp(1)],
    ],
    a: 'gy',
    b: 'x',
    quads: { a: 'depth', b: 'depth' },
    storesFours: columns % 4 === 0,
    strideA: walksImages ? K : 1,
    strideB: walksImages ? C : 1,
    M: K / groups,
    N: columns,
    K: walksImages ? 4 * N : pitch,
    segments,
    slices: groups,
    output: { size: K * columns, rows: K, columns },
    fields: {
      segments,
      groups,
      columns,
      pitch,
      rowPlanes: isPlain ? K / groups : patchLayout(ofY).planes,
      columnPlanes: isPlain ? C / groups : patchLayout(shape).planes,
    },
    loaders: weightGradLoaders,
  };
  return gemm(target, problem, epilogue);
}

/**
 * Reads gy [N, K, outH, outW] = input(0) and the weight, OIHW, = input(1), writes gx [N, C, H, W] = output(0). The epilogue's row is the
 * input channel, its column the pixel.
 */
export function inputGradOfPatches(target: KernelTarget, shape: Conv2dShape, epilogue: Fusion): Program {
  const { N, C, K, R, S, groups, outH, outW } = shape;
  const outPixels = outH * outW;
  const size = { N, K: C * R * S, groups, outPixels, depth: K / groups };
  const product = { ...size, name: 'conv2dInputGrad', weight: 'side' as const };
  const plain = { ...product, ...planesAsTheyAre(K, groups, outPixels) };
  if (inPixelQuads(shape)) return productOfPlanes(target, plain, [input(0), input(1)], epilogue);
  const ofY = copied(N, K, outPixels, groups);
  const { steps, temps = [] } =
    outPixels % 4 === 0
      ? productOfPlanes(target, plain, [input(0), input(1)], identityEpilogue)
      : productOfPlanes(target, { ...product, ...planesOfPatches(ofY) }, [temp(0), input(1)], identityEpilogue, {
          steps: [patches(target, 'conv2dInputGrad.rows', ofY, input(0), temp(0))],
          temps: [4 * patchLayout(ofY).elements],
        });
  const ofPatches = temp(temps.length);
  return {
    steps: [
      ...steps.map((step) => withOperands(step, (o) => (o.kind === 'output' ? ofPatches : o))),
      gather(target, shape, ofPatches, epilogue),
    ],
    temps: [...temps, 4 * N * C * R * S * outPixels],
  };
}

/** gx = output(0): the sum of a pixel's gradients in the patches [N, C * R * S, outH * outW] = `from`. An invocation does rows of a plane. */
function gather(target: KernelTarget, shape: Conv2dShape, from: Operand, epilogue: Fusion): Step {
  const { N, C, H, W, R, S, strideH, strideW, dilationH, dilationW, padding, outH, outW } = shape;
  const [rows, columns] = [phaseTaps(strideH, dilationH), phaseTaps(strideW, dilationW)];
  const parts = Math.min(H, ceilDiv(MIN_THREADS, N * C));
  const threads = N * C * parts;
  return {
    name: 'conv2dInputGrad.gather',
    wgsl: gatherWgsl(epilogue.wgsl),
    reads: [from],
    writes: [output(0)],
    params: [
      ...[threads, parts, C, H, W, outH, outW, R, S, strideH, strideW, dilationH, dilationW, padding[0], padding[2]],
      ...[rows.step, columns.step, rows.back, columns.back],
    ],
    workgroups: flatGrid(ceilDiv(threads, 64), target.maxWorkgroupsPerDimension),
    fusion: epilogue,
  };
}

const gatherWgsl = (epilogue: string) => /* wgsl */ `
struct Gather {
  threads: u32,
  // Parts of a plane.
  parts: u32,
  channels: u32,
  H: u32,
  W: u32,
  outH: u32,
  outW: u32,
  R: u32,
  S: u32,
  strideH: u32,
  strideW: u32,
  dilationH: u32,
  dilationW: u32,
  padTop: u32,
  padLeft: u32,
  stepR: u32,
  stepS: u32,
  backY: u32,
  backX: u32,
}

@group(0) @binding(0) var<storage, read> patches: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Gather;
${flatWorkgroup}
${firstTap}
${epilogue}

// The taps of a phase, and the output coordinate under the first one at input coordinate (plus padding) at. As u32, one above or left of the
// output is past its end too.
struct Taps {
  first: u32,
  under: u32,
}

fn tapsAt(at: u32, dilation: u32, stride: u32, step: u32, end: u32) -> Taps {
  let first = firstTap(at % stride, dilation, stride, step);
  let under = (i32(at) - i32(first * dilation)) / i32(stride);
  return Taps(select(first, end, first == step), u32(under));
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = flatWorkgroup(workgroup, workgroups) * 64u + thread;
  if (index >= params.threads) {
    return;
  }
  let plane = index / params.parts;
  let part = index - plane * params.parts;
  let channel = plane % params.channels;
  let pixels = params.outH * params.outW;
  let inPart = (params.H + params.parts - 1u) / params.parts;
  let first = part * inPart;
  let last = min(first + inPart, params.H);
  // Phase by phase: the taps of one are the same at all of its pixels.
  for (var startY = first; startY < min(first + params.strideH, last); startY++) {
    let down = tapsAt(startY + params.padTop, params.dilationH, params.strideH, params.stepR, params.R);
    for (var startX = 0u; startX < min(params.strideW, params.W); startX++) {
      let right = tapsAt(startX + params.padLeft, params.dilationW, params.strideW, params.stepS, params.S);
      var row = down.under;
      for (var iy = startY; iy < last; iy += params.strideH) {
        var column = right.under;
        for (var ix = startX; ix < params.W; ix += params.strideW) {
          var sum = 0.0;
          var oy = row;
          for (var r = down.first; r < params.R; r += params.stepR) {
            var ox = column;
            let end = select(0u, params.S, oy < params.outH);
            for (var s = right.first; s < end; s += params.stepS) {
              let inside = ox < params.outW;
              let at = ((plane * params.R + r) * params.S + s) * pixels + oy * params.outW + ox;
              sum += select(0.0, patches[select(0u, at, inside)], inside);
              ox -= params.backX;
            }
            oy -= params.backY;
          }
          let pixel = iy * params.W + ix;
          let i = plane * params.H * params.W + pixel;
          y[i] = epilogue(sum, i, channel, pixel);
          column++;
        }
        row++;
      }
    }
  }
}`;
