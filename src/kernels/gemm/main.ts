/** WGSL that the entry points of the GEMM families share. `gemm`, `placeAt` and the loaders are in gemm.ts. */

/** The beginning of an entry point: it finds the place of its tile of `rows` by `columns`. Workgroups past the last tile are done. */
export const enterTile = (
  rows: number,
  columns: number,
): string => /* wgsl */ `let index = flatWorkgroup(workgroup, workgroups);
  if (index >= gemm.workgroups) {
    return;
  }
  let place = placeAt(index);
  let slice = sliceAt(place.z);
  let m0 = place.row * ${rows}u;
  let n0 = place.column * ${columns}u;
  if (n0 >= slice.columns) {
    return;
  }`;

/** The part of the reduction that a workgroup does. */
export const ownPart = /* wgsl */ `let segmentPart = place.split / gemm.depthSplits;
  let firstSegment = segmentPart * gemm.segmentChunk;
  let lastSegment = min(firstSegment + gemm.segmentChunk, slice.segments);
  let firstK = (place.split - segmentPart * gemm.depthSplits) * gemm.depthChunk;
  let lastK = min(firstK + gemm.depthChunk, gemm.K);`;

/** Loads of A and B by the row and the column of the tile; `offsets` and `taps` are filled for each segment. */
export const stagedLoads = (a: string, b: string, rows: number, columns: number): string => /* wgsl */ `
var<workgroup> offsets: array<u32, ${rows}>;
var<workgroup> taps: array<Tap, ${columns}>;

fn loadA(m: u32, k: u32, end: u32) -> f32 {
  return select(0.0, ${a}[offsets[m] + k * gemm.strideA], k < end);
}

fn loadB(n: u32, k: u32, end: u32) -> f32 {
  let tap = taps[n];
  return select(0.0, ${b}[tap.offset + k * gemm.strideB], k < end && inside(tap, k));
}`;
