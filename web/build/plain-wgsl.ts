/** Kernels without comments and indentation: to a minifier WGSL is a text like any other. */
import type { Plugin } from 'vite';

/** A kernel's file, source or compiled, as it is published. */
export const plainKernel = (code: string): string => code.replace(/(^|\s)\/\/ .*$/gm, '').replace(/\n\s+/g, '\n');

/** Bundles kernels so. */
export function plainWgsl(): Plugin {
  const isKernel = /[\\/]src[\\/]kernels[\\/]/;
  return { name: 'regraft-plain-wgsl', transform: (code, id) => (isKernel.test(id) ? plainKernel(code) : undefined) };
}
