/**
 * Immediates: few parameters, which an adapter that has immediates takes with the commands and others read from a uniform.
 * Kernels are written for the uniform, which is the last binding of group 0, and stay so; its declaration is replaced.
 */
import type { Step } from './kernel.ts';

/** The step with its parameters as immediates where they fit into `bytes`, else as it is. */
export function withImmediates(step: Step, bytes: number): Step {
  const { params: immediates = [], ...others } = step;
  if (!immediates.length || immediates.length * 4 > bytes) return step;
  const uniform = `@group(0) @binding(${step.reads.length + step.writes.length}) var<uniform>`;
  return { ...others, wgsl: step.wgsl.replace(uniform, 'var<immediate>'), immediates };
}
