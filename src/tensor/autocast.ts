/**
 * Automatic mixed precision, as `torch.autocast`: products in float16, what sums or exponentiates in float32.
 * Micikevicius et al. 2018, https://arxiv.org/abs/1710.03740.
 */
import { ArgumentError } from '../core/errors.ts';
import { checkOptions } from '../core/options.ts';
import { wantFloat16 } from '../device/current.ts';
import type { Op } from '../ops/op.ts';

/** Options of {@link autocast}. */
export interface AutocastOptions {
  /** false computes as without; true by default. */
  readonly enabled?: boolean;
  /** What products compute with; there is only 'float16'. */
  readonly dtype?: 'float16';
}

let enabled = false;

/** Whether ops choose the type of their operands now. */
export const isAutocastEnabled = (): boolean => enabled;

/**
 * Runs `fn` with mixed precision: `conv2d`, `matmul` and `linear` take their operands and give their results in float16 (in half the
 * memory; sums are float32's), losses, `softmax`, `sum`, `exp` and the like in float32, batch norms keep float32 statistics; any other op
 * takes what it gets. Parameters stay float32, and so do their gradients. Only the forward pass belongs in it:
 * `backward()` uses each op's own types. Small gradients need a `GradScaler`.
 * @param fn Synchronous: forward pass and loss.
 * @throws DeviceError on an adapter without 16-bit floats.
 * @example const loss = autocast(() => crossEntropy(model.forward(images), labels));
 */
export function autocast<T>(fn: () => T): T;
/**
 * The same with options.
 * @param options Whether it is on, and in which dtype.
 * @param fn Synchronous: forward pass and loss.
 */
export function autocast<T>(options: AutocastOptions, fn: () => T): T;
export function autocast<T>(...args: [() => T] | [AutocastOptions, () => T]): T {
  const [options, fn] = args.length === 1 ? [{} as AutocastOptions, args[0]] : args;
  checkOptions('autocast', options, { enabled: true, dtype: true });
  const { enabled: wanted = true, dtype = 'float16' } = options;
  if (dtype !== 'float16') throw new ArgumentError(`autocast: dtype must be 'float16', got '${dtype}'.`);
  if (wanted) wantFloat16('autocast');
  const result = withAutocast(wanted, fn);
  if (result instanceof Promise)
    throw new ArgumentError(
      'autocast: the function must be synchronous, got one that returns a promise. Await outside of it.',
    );
  return result;
}

/** Runs `fn` with mixed precision on or off. */
export function withAutocast<T>(on: boolean, fn: () => T): T {
  const before = enabled;
  enabled = on;
  try {
    return fn();
  } finally {
    enabled = before;
  }
}

/** The type that an op wants its float operands in now; undefined where it takes what it gets. */
export const operandType = (op: Op<never>): Op['autocast'] => (enabled ? op.autocast : undefined);
