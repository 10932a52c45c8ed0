/**
 * Operands of matrix products in the order in which the kernels read them: panels of up to 32 rows, their elements side by
 * side for every k. Rows that lie a power of two apart share few cache lines of a CPU, which halves a product's speed.
 */
import { ceilDiv, flatGrid, flatWorkgroup, type KernelTarget, type Operand, type Step } from '../kernel.ts';

/** [slice][panel][tap][depth][lane]; rows beyond the last are 0. Sizes are elements. */
export interface PanelLayout {
  /** Rows of a panel. */
  readonly lanes: number;
  readonly panels: number;
  readonly elements: number;
}

/** The layout of an operand: element (slice, row, k, tap) at slice * sliceStride + row * rowStride + k * depthStride + tap. */
export interface PanelSource {
  readonly slices: number;
  readonly sliceStride: number;
  readonly rows: number;
  readonly rowStride: number;
  readonly depth: number;
  readonly depthStride: number;
  /** Taps of the filter; 1 for a matrix. */
  readonly taps: number;
}

export function panelLayout(source: PanelSource): PanelLayout {
  const lanes = Math.min(32, ceilDiv(source.rows, 4) * 4);
  const panels = ceilDiv(source.rows, lanes);
  return { lanes, panels, elements: source.slices * panels * source.taps * source.depth * lanes };
}

/** Elements that one invocation copies, about. */
const PER_THREAD = 64;

/**
 * Copies `from` into the panels `to`. One invocation copies all taps of a few depths of one row: writes are coalesced
 * over rows, and nothing is divided in the loop.
 */
export function packPanels(target: KernelTarget, name: string, source: PanelSource, from: Operand, to: Operand): Step {
  const { lanes, panels } = panelLayout(source);
  const { slices, sliceStride, rows, rowStride, depth, depthStride, taps } = source;
  const chunk = Math.min(depth, ceilDiv(PER_THREAD, taps));
  const chunks = ceilDiv(depth, chunk);
  const threads = slices * panels * chunks * lanes;
  return {
    name,
    wgsl: packWgsl,
    reads: [from],
    writes: [to],
    params: [threads, lanes, panels, rows, depth, chunk, chunks, taps, sliceStride, rowStride, depthStride],
    workgroups: flatGrid(ceilDiv(threads, 64), target.maxWorkgroupsPerDimension),
  };
}

const packWgsl = /* wgsl */ `
struct Pack {
  threads: u32,
  lanes: u32,
  panels: u32,
  rows: u32,
  depth: u32,
  // An invocation copies the depths [c * chunk, (c + 1) * chunk) of a row, c < chunks.
  chunk: u32,
  chunks: u32,
  taps: u32,
  sliceStride: u32,
  rowStride: u32,
  depthStride: u32,
}

@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read_write> packed: array<f32>;
@group(0) @binding(2) var<uniform> pack: Pack;
${flatWorkgroup}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = flatWorkgroup(workgroup, workgroups) * 64u + thread;
  if (i >= pack.threads) {
    return;
  }
  let lanes = pack.lanes;
  let depthStride = pack.depthStride;
  let part = i / lanes;
  let lane = i - part * lanes;
  let panel = part / pack.chunks;
  let first = (part - panel * pack.chunks) * pack.chunk;
  let count = min(pack.chunk, pack.depth - first);
  let slice = panel / pack.panels;
  let row = (panel - slice * pack.panels) * lanes + lane;
  let start = slice * pack.sliceStride + min(row, pack.rows - 1u) * pack.rowStride + first * depthStride;
  let inside = row < pack.rows;
  var to = (panel * pack.taps * pack.depth + first) * lanes + lane;
  for (var tap = 0u; tap < pack.taps; tap++) {
    var read = start + tap;
    var write = to;
    var k = 0u;
    for (; k + 4u <= count; k += 4u) {
      let a = source[read];
      let b = source[read + depthStride];
      let c = source[read + 2u * depthStride];
      let d = source[read + 3u * depthStride];
      packed[write] = select(0.0, a, inside);
      packed[write + lanes] = select(0.0, b, inside);
      packed[write + 2u * lanes] = select(0.0, c, inside);
      packed[write + 3u * lanes] = select(0.0, d, inside);
      read += 4u * depthStride;
      write += 4u * lanes;
    }
    for (; k < count; k++) {
      packed[write] = select(0.0, source[read], inside);
      read += depthStride;
      write += lanes;
    }
    to += pack.depth * lanes;
  }
}`;
