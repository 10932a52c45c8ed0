/** What a workload is to the bench: how to set it up, what one step records, and what that step must at least dispatch. */
import type { Tensor } from '../src/index.ts';

/** A workload on the device, ready to run. */
export interface Ready {
  /** Host work that belongs to every step, such as gathering cached activations. */
  readonly before?: () => Promise<void>;
  /** Records one step and gives the tensors that a caller would read. */
  readonly record: () => readonly Tensor[];
  /** Gives the memory back. */
  readonly end?: () => void | Promise<void>;
}

export interface Workload {
  readonly name: string;
  /** Multiplications and additions of a step, where that is the measure of it. */
  readonly flops?: number;
  /** Needs an adapter with 16-bit floats, and is left out on others. */
  readonly float16?: boolean;
  /**
   * Kernels by family (the name up to its first point; see `familyOf`) that one step needs; `a|b` counts either.
   * Known from the workload alone, so that a plan from which work was dropped does not pass for a fast one.
   */
  readonly kernels: Readonly<Record<string, number>>;
  readonly prepare: () => Promise<Ready>;
}
