/** Switches for tests and measurements: results must not depend on them beyond rounding. */
export const graphOptions: {
  /** Elementwise nodes run inside the kernels around them. */
  fusion: boolean;
  /** Winograd's convolution where it is faster. */
  winograd: boolean;
} = { fusion: true, winograd: true };
