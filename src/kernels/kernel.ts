/**
 * A kernel: WGSL text, the tensors it binds, its parameters and its grid.
 *
 * Bindings of group 0, in this order: every read (`var<storage, read>`), every write (`var<storage, read_write>`), then the
 * parameters (`var<uniform>`), if there are any; few of them may become immediates (immediates.ts). Group 1 belongs to the
 * {@link Fusion} that the kernel evaluates.
 */

import type { DType } from '../core/dtype.ts';
import type { MatrixConfig } from '../device/adapter.ts';
import type { TexelFormat } from '../device/texture-pool.ts';
import type { ProductShape, Tile } from './gemm/shape.ts';

/** A buffer, seen from the op: one of its inputs, one of its outputs, or a temporary that lives inside the program. */
export interface Operand {
  readonly kind: 'input' | 'output' | 'temp';
  readonly index: number;
  /** The bytes of it that are bound; all where it is left out. See parts.ts. */
  readonly range?: { readonly offset: number; readonly size: number };
}

export const input = (index: number): Operand => ({ kind: 'input', index });
export const output = (index: number): Operand => ({ kind: 'output', index });
export const temp = (index: number): Operand => ({ kind: 'temp', index });

/** Texels in a row of a texture that holds a buffer's copy, and most rows: every adapter has so many. */
export const TEXEL_COLUMNS = 8192;

/** WGSL: texel `i` of the copy `name`. */
export const texel = (name: string, i: string): string =>
  `textureLoad(${name}, vec2u((${i}) % ${TEXEL_COLUMNS}u, (${i}) / ${TEXEL_COLUMNS}u))`;

/** One dispatch. `params` are 32-bit words in the order of the WGSL struct; {@link float} puts an f32 among them. */
export interface Step {
  /** Family and variant, for labels and benchmarks: `matmul.lane`. */
  readonly name: string;
  /** The whole module; its entry point is `main`. */
  readonly wgsl: string;
  readonly reads: readonly Operand[];
  /** Formats of the reads that are bound as a copy in a texture, `var NAME: texture_storage_2d<FORMAT, read>`; see {@link texel}. */
  readonly texels?: readonly (TexelFormat | undefined)[];
  readonly writes: readonly Operand[];
  readonly params?: readonly number[];
  /** Words that the kernel takes as immediates, in place of params: see `withImmediates`. */
  readonly immediates?: readonly number[];
  readonly workgroups: readonly [number, number, number];
  /** The expression bound to group 1, when the module contains one. */
  readonly fusion?: Fusion;
  /** How it runs for some of its elements, where each depends on what has its own number and on nothing else that is as large. */
  readonly shares?: Shares;
}

/** A step by ranges of its elements. The module's uniform is named `params` and has the first element's number as `first`. */
export interface Shares {
  /** Elements in all, as the module counts them: in fours where its bindings are. */
  readonly count: number;
  /** The numbers of the fusion's reads that are not, or not only, read at an element's own number. */
  readonly elsewhere: readonly number[];
  /** The step for the elements [first, first + count). */
  of(first: number, count: number): Pick<Step, 'params' | 'workgroups'>;
}

/** The steps of one op (with whatever is fused into it), in order, and the byte sizes of its temporaries. */
export interface Program {
  readonly steps: readonly Step[];
  readonly temps?: readonly number[];
}

/** A kernel that is chosen for an adapter. */
export interface Choice {
  /** Text that other choices for the same computation do not have. */
  readonly key: string;
  lower(target: KernelTarget, fusion: Fusion): Program;
  /** The operand that it reads in an order of its own. */
  readonly packing?: Packing | undefined;
}

/** An operand's elements in the order in which a kernel reads them: input(0) -> output(0). */
export interface Packing {
  /** The number of the kernel's input that it stands for. */
  readonly input: number;
  /** Everything that `lower` depends on beside the operand's shape, as text. */
  readonly key: string;
  readonly elements: number;
  /** Type of the packed elements; the operand's where it is left out. */
  readonly dtype?: DType;
  lower(target: KernelTarget): Program;
}

/** A number that may change from run to run, by its place among those of the plan. */
export interface Scalar {
  readonly id: number;
  readonly value: number;
}

/**
 * An elementwise expression that another kernel evaluates: on the way out (`epilogue`) or on the way in (`element`).
 * `wgsl` declares the bindings of group 1 and one function:
 *
 * - epilogue: `fn epilogue(value: f32, i: u32, row: u32, column: u32) -> f32`: `value` is the kernel's result for element
 *   `i` of its output (row-major in the public layout); `row` and `column` are coordinates that the kernel has at hand
 *   (for convolution `row` is the output channel; for matmul they are the last two axes).
 * - element: `fn element(i: u32) -> f32`: the value of element `i` of the (virtual) input.
 */
export interface Fusion {
  readonly wgsl: string;
  /** An epilogue for four neighbours along a row at once, if it can: with vec4f for f32, and `i` and bindings of elements in fours. */
  readonly inFours?: string;
  /** Buffers of group 1: inputs of the fused op, bound as `var<storage, read>`. */
  readonly reads: readonly Operand[];
  /** Buffers that it updates in place, after the reads, bound as `var<storage, read_write>`: it is then evaluated once for each element. */
  readonly writes: readonly Operand[];
  /** Words of group 1's uniform, which is bound last. */
  readonly params: readonly number[];
  /** Numbers among the params that may change from run to run: which scalar of the plan, which word. */
  readonly scalars?: readonly { readonly scalar: number; readonly word: number }[];
  /** The epilogue in these terms, if it can be told in them: kernels may then share one module (epilogue.ts). */
  readonly terms?: EpilogueTerms;
}

/** relu(value * scale + shift + tensor), as far as they are there: vectors along an axis of the product, a tensor of its shape. */
export interface EpilogueTerms {
  readonly axis: 'row' | 'column';
  readonly scale?: Operand | undefined;
  readonly shift?: Operand | undefined;
  readonly tensor?: Operand | undefined;
  readonly relu: boolean;
}

/** A step on other operands, as part of a larger program. */
export const withOperands = (step: Step, place: (operand: Operand) => Operand): Step => ({
  ...step,
  reads: step.reads.map(place),
  writes: step.writes.map(place),
  ...(step.fusion && {
    fusion: { ...step.fusion, reads: step.fusion.reads.map(place), writes: step.fusion.writes.map(place) },
  }),
});

const plain = (type: string) => /* wgsl */ `
fn epilogue(value: ${type}, i: u32, row: u32, column: u32) -> ${type} {
  return value;
}`;

/** The epilogue of kernels that never have another. */
export const noEpilogue: Fusion = {
  wgsl: plain('f32'),
  inFours: plain('vec4f'),
  reads: [],
  writes: [],
  params: [],
};

/** The epilogue that changes nothing. */
export const identityEpilogue: Fusion = { ...noEpilogue, terms: { axis: 'row', relu: false } };

/** The adapter's class and limits, by which kernels are chosen. */
export interface KernelTarget {
  /** Lanes of a subgroup when it has one fixed size and `subgroups` is on, else 0. */
  readonly subgroupSize: number;
  /** A software rasteriser: workgroup memory costs as much as storage, subgroup broadcasts are cheap. */
  readonly software: boolean;
  readonly maxWorkgroupsPerDimension: number;
  readonly maxWorkgroupStorageBytes: number;
  readonly maxInvocationsPerWorkgroup: number;
  /** Bytes of the largest binding; undefined for no limit. Larger operands are bound in parts. */
  readonly maxBindingBytes?: number;
  /** Products read their operands as texels. */
  readonly texels?: boolean;
  /** True if convolutions may run by Winograd's algorithm; where undefined, on software adapters. */
  readonly winograd?: boolean;
  /** Bytes of immediates that a kernel may have; 0 or undefined where there are none. */
  readonly immediateBytes?: number;
  /** The matrices that subgroups can multiply; undefined or empty where they cannot. */
  readonly matrices?: readonly MatrixConfig[];
  /** Most lanes of a subgroup: workgroups that use matrices are multiples of it. */
  readonly maxSubgroupSize?: number;
  /** True if an operand of the program is kept in float16; undefined where all are taken for float32. */
  readonly isFloat16?: ((operand: Operand) => boolean) | undefined;
  /** Size of a full batch over that of this one; 1 where it is left out. See {@link fullBatch}. */
  readonly batchScale?: number;
  /** The adapter's names, by which defaults are chosen. */
  readonly adapter: string;
  /** The tile that a product was tuned to; undefined for the default. */
  readonly tileFor?: (product: ProductShape) => Tile | undefined;
}

/** Whether the adapter runs the family `lane` of products: software, with one fixed subgroup size that the generator knows. */
export function laneFits(target: Pick<KernelTarget, 'software' | 'subgroupSize'>): boolean {
  return target.software && [4, 8, 16, 32].includes(target.subgroupSize);
}

/**
 * `count`, which grows with the batch, as it is in a full one. Every choice that changes the order of sums goes by this: an image then
 * gets the same bits in a batch that is not full.
 */
export const fullBatch = ({ batchScale = 1 }: Pick<KernelTarget, 'batchScale'>, count: number): number =>
  Math.round(count * batchScale);

const F32 = new Float32Array(1);
const U32 = new Uint32Array(F32.buffer);

/** An f32 as the word that a uniform holds. */
export function float(value: number): number {
  F32[0] = value;
  return U32[0]!;
}

/** ceil(a / b) for counts. */
export const ceilDiv = (a: number, b: number): number => Math.floor((a + b - 1) / b);

/**
 * A one-dimensional grid of `count` workgroups folded into two dimensions where it exceeds the limit.
 * Kernels recover the index with {@link flatWorkgroup}.
 */
export function flatGrid(count: number, limit = 65535): readonly [number, number, number] {
  if (count <= limit) return [count, 1, 1];
  const rows = ceilDiv(count, limit);
  return [ceilDiv(count, rows), rows, 1];
}

/** WGSL: the workgroup's index in a {@link flatGrid}. May be past the end by less than one row: check it. */
export const flatWorkgroup = /* wgsl */ `
fn flatWorkgroup(workgroup: vec3u, workgroups: vec3u) -> u32 {
  return workgroup.y * workgroups.x + workgroup.x;
}`;
