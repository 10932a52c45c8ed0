/** What a row of the numeric tests finds: the same in Node, where a test asserts it, and on the conformance page, which shows it. */
import { compare, type ToleranceName, tolerances } from './tolerances.ts';

/** What was measured: values, derivatives, derivatives against finite differences. */
export type Aspect = 'forward' | 'gradient' | 'differences';

export interface Measurement {
  readonly aspect: Aspect;
  /** The value that was looked at. */
  readonly what: string;
  /** The largest difference, over the largest magnitude that was expected. */
  readonly error: number;
  /** What the worst difference is of what the tolerance allows: up to 1 passes. */
  readonly share: number;
  /** The tolerance's name, or its value. */
  readonly tolerance: string;
  /** The violation in words; absent where it passes. */
  readonly fault?: string;
}

/** A row that can run anywhere: it needs the open device and what was recorded, neither Node nor a test framework. */
export interface Check {
  /** The op or the network. */
  readonly subject: string;
  /** What is special about this row, as part of a sentence. */
  readonly name: string;
  measure(): Promise<Measurement[]>;
}

/** `subject: name`: what tests and reports call a check. */
export const titleOf = ({ subject, name }: Check): string => `${subject}: ${name}`;

/** Values against those that were expected. */
export function measured(
  aspect: Aspect,
  what: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  tolerance: ToleranceName,
): Measurement {
  return { aspect, what, tolerance, ...compare(got, want, tolerances[tolerance]) };
}

/** An error against a bound of its own. */
export function bounded(aspect: Aspect, what: string, error: number, bound: number): Measurement {
  const fault = error <= bound ? {} : { fault: `the error is ${error}, expected at most ${bound}` };
  return { aspect, what, error, share: error / bound, tolerance: String(bound), ...fault };
}

/** A shape, a flag, a text or values that must be exactly as expected. */
export function same(what: string, got: unknown, want: unknown): Measurement {
  const [found, expected] = [JSON.stringify(got), JSON.stringify(want)];
  const equal = found === expected;
  const error = equal ? 0 : Number.POSITIVE_INFINITY;
  const fault = equal ? {} : { fault: `is ${found}, expected ${expected}` };
  return { aspect: 'forward', what, error, share: error, tolerance: 'exact', ...fault };
}

/** @throws Error that names every value that is off. */
export function expectPass(measurements: readonly Measurement[]): void {
  const faults = measurements.flatMap(({ what, fault }) => (fault ? [`${what}: ${fault}.`] : []));
  if (faults.length) throw new Error(faults.join('\n'));
}
