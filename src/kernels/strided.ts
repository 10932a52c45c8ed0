/**
 * Walking a strided region of up to four dimensions: the coordinates of an index by division once, then fixed steps with carries.
 * A division costs as much as several loads on software adapters and is emulated on most GPUs.
 */

/** A dimension of a region, in elements. Lists of them run from the outermost to the innermost. */
export interface Dim {
  readonly size: number;
  readonly stride: number;
}

/** WGSL: the coordinates of an index, innermost in `w`. */
export const coordinates = /* wgsl */ `
fn coordinates(index: u32, sizes: vec4u) -> vec4u {
  let z = index / sizes.w;
  let y = z / sizes.z;
  let x = y / sizes.y;
  return vec4u(x, y - x * sizes.y, z - y * sizes.z, index - z * sizes.w);
}`;

/** WGSL: coordinates moved by `step` (coordinates too, each below its size) and their address; at most two dimensions. */
const walk2 = /* wgsl */ `
fn advance(at: vec4u, step: vec4u, sizes: vec4u) -> vec4u {
  let carry = at.w + step.w >= sizes.w;
  return vec4u(0u, 0u, at.z + step.z + select(0u, 1u, carry), at.w + step.w - select(0u, sizes.w, carry));
}

fn offsetOf(at: vec4u, strides: vec4u) -> u32 {
  return at.z * strides.z + at.w * strides.w;
}`;

const walk4 = /* wgsl */ `
fn advance(at: vec4u, step: vec4u, sizes: vec4u) -> vec4u {
  var next = at + step;
  let carryW = next.w >= sizes.w;
  next.w -= select(0u, sizes.w, carryW);
  next.z += select(0u, 1u, carryW);
  let carryZ = next.z >= sizes.z;
  next.z -= select(0u, sizes.z, carryZ);
  next.y += select(0u, 1u, carryZ);
  let carryY = next.y >= sizes.y;
  next.y -= select(0u, sizes.y, carryY);
  next.x += select(0u, 1u, carryY);
  return next;
}

fn offsetOf(at: vec4u, strides: vec4u) -> u32 {
  return dot(at, strides);
}`;

/** WGSL: `advance` and `offsetOf` for a region of `rank` dimensions. */
export const walk = (rank: number): string => (rank <= 2 ? walk2 : walk4);

const words = (values: readonly number[], fill: number): number[] => [
  ...new Array<number>(4 - values.length).fill(fill),
  ...values,
];

/** The sizes of at most four dims as a vec4u, outermost filled up with 1. */
export const sizeWords = (dims: readonly { readonly size: number }[]): number[] =>
  words(
    dims.map((d) => d.size),
    1,
  );

/** Strides, likewise, modulo 2^32: they may be negative. */
export const strideWords = (strides: readonly number[]): number[] =>
  words(
    strides.map((s) => s >>> 0),
    0,
  );

/** `index` as coordinates of four `sizes`: the step of `advance`. */
export function coordinatesOf(index: number, sizes: readonly number[]): number[] {
  const at = [0, 0, 0, 0];
  let rest = index;
  for (let d = 3; d >= 0; d--) {
    at[d] = d === 0 ? rest : rest % sizes[d]!;
    rest = Math.floor(rest / sizes[d]!);
  }
  return at;
}
