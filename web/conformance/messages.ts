/** What the page and its Worker say to each other. */
import type { DeviceInfo } from '../../src/index.ts';
import type { Measurement } from '../../test/measurement.ts';

/** What can be chosen to run. */
export type Group = 'ops' | 'differences' | 'autograd' | 'logits' | 'training';

/** A check that will run. */
export interface Planned {
  readonly group: Group;
  /** The op or the network. */
  readonly subject: string;
  /** What is special about this row. */
  readonly name: string;
}

/** A check that has run. */
export interface Result extends Planned {
  readonly pass: boolean;
  readonly measurements: readonly Measurement[];
  /** What was thrown instead. */
  readonly error?: string;
  readonly milliseconds: number;
}

/** To the Worker: run these groups, once. */
export interface Order {
  readonly groups: readonly Group[];
  /** Whether rows that take long without a GPU run too. */
  readonly slow: boolean;
}

export type Event =
  | { readonly event: 'open'; readonly adapter: DeviceInfo }
  | { readonly event: 'closed'; readonly message: string }
  | { readonly event: 'planned'; readonly checks: readonly Planned[] }
  | { readonly event: 'result'; readonly result: Result }
  | { readonly event: 'broken'; readonly message: string }
  | { readonly event: 'done' };
