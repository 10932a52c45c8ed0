/** Switches for tests and measurements: results must not depend on them beyond rounding. */
export const graphOptions: {
  /** Elementwise nodes run inside the kernels around them. */
  fusion: boolean;
  /** Results of unchanging slots alone (packed weights, the scales of frozen batch norms) are computed once. */
  hoisting: boolean;
  /** Winograd's convolution where it is faster. */
  winograd: boolean;
  /** Tiles that the adapter was tuned to. */
  tuning: boolean;
  /** Products read their operands from textures where that is faster. */
  texels: boolean;
  /** Few parameters go with the commands where the adapter has immediates, not in a uniform. */
  immediates: boolean;
  /** Operands that one binding can hold are bound whole; off, in two parts, as those are that it cannot. */
  whole: boolean;
} = { fusion: true, hoisting: true, winograd: true, tuning: true, texels: true, immediates: true, whole: true };
