/** A matrix product as its family takes it (gemm.ts): operands, addressing, and the entry point that computes it. */

import type { Operand, Step } from '../kernel.ts';
import type { ProductShape } from './shape.ts';

/**
 * The axis along which elements lie side by side in fours, each from a multiple of 4 on, in every segment and slice:
 * - side: rows of A (columns of B) 4i to 4i + 3, which are inside together; an incomplete last four is padded.
 * - depth: steps 4i to 4i + 3 of k, of which there are a multiple of 4.
 */
export type Quads = 'side' | 'depth' | undefined;

/** One problem of the family. Sizes are elements. */
export interface Gemm extends ProductShape {
  /** Label of the kernel: `conv2d`. */
  readonly name: string;
  /** Bindings that are read, in order, by their WGSL names. */
  readonly reads: readonly (readonly [name: string, operand: Operand])[];
  /** Names of A and B among {@link reads}. */
  readonly a: string;
  readonly b: string;
  readonly quads: { readonly a?: Quads; readonly b?: Quads };
  /** True if columns 4i to 4i + 3 lie side by side in the output, from a multiple of 4 on, and there are a multiple of 4. */
  readonly storesFours?: boolean;
  /** The output as the epilogue sees it: element i has column i % columns and row (i / columns) % rows. */
  readonly output: { readonly size: number; readonly rows: number; readonly columns: number };
  /** True if rows of the problem are columns of the output. */
  readonly swapped?: boolean;
  /** The size that grows with the batch; columns where it is left out. */
  readonly batchAxis?: 'M' | 'N' | 'slices';
  /** Steps that fill the temporaries among {@link reads}, and the byte sizes of those. */
  readonly before?: { readonly steps: readonly Step[]; readonly temps: readonly number[] };
  /** Words of the uniform that {@link loaders} read as `gemm.NAME`. */
  readonly fields: Readonly<Record<string, number>>;
  /**
   * WGSL. `Slice` has at least `columns` and `segments`; every n passed is below `columns`, every m below M.
   *
   *   struct Slice { columns: u32, segments: u32, … }        fn sliceAt(z: u32) -> Slice
   *   struct Column { … }                                    fn columnAt(slice: Slice, n: u32) -> Column
   *   fn rowOffset(slice: Slice, m: u32, segment: u32) -> u32            of A[m, segment, 0]
   *   struct Tap { offset: u32, … }                          fn tapAt(slice: Slice, column: Column, segment: u32) -> Tap
   *   fn inside(tap: Tap, k: u32) -> bool                    false where B is padding, that is 0
   *   fn outputAt(slice: Slice, column: Column, m: u32) -> Output        index and coordinates for the epilogue
   */
  readonly loaders: string;
}

/** WGSL for loaders: the taps of a B that is nowhere padding. */
export const unpadded = /* wgsl */ `
struct Tap {
  offset: u32,
}

fn inside(tap: Tap, k: u32) -> bool {
  return true;
}`;

/** A family's entry point. */
export interface GemmMain {
  readonly variant: string;
  readonly enables: string;
  readonly wgsl: string;
  /** A number that the entry point reads as `gemm.block`. */
  readonly block?: number;
}

/** Operands of the family `lane`: their names, and how they lie in the textures that they are bound as; undefined for buffers. */
export interface LaneOperands extends Pick<Gemm, 'a' | 'b'> {
  readonly texels: Gemm['quads'] | undefined;
  /** True if the epilogue is the shared one (epilogue.ts). */
  readonly sharesTerms: boolean;
  /** True if four neighbouring columns are stored at once. */
  readonly storesFours: boolean;
}
