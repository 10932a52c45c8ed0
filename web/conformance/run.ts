/** A run: what it found so far, and the file that a bug report needs. */
import type { DeviceInfo } from '../../src/index.ts';
import type { Planned, Result } from './messages.ts';

/** What the file holds. */
export interface Report {
  readonly regraft: string;
  readonly date: string;
  readonly userAgent: string;
  readonly adapter: DeviceInfo;
  /** False where the run was stopped or broke off. */
  readonly complete: boolean;
  readonly passed: number;
  readonly failed: number;
  readonly results: readonly Result[];
}

export class Run {
  readonly results: Result[] = [];
  /** The rows that run if nothing stops them, in order; none until they are known. */
  planned: readonly Planned[] = [];
  failed = 0;
  /** The largest share of a tolerance. */
  worst = 0;
  readonly #adapter: DeviceInfo;
  readonly #start = performance.now();

  constructor(adapter: DeviceInfo) {
    this.#adapter = adapter;
  }

  get passed(): number {
    return this.results.length - this.failed;
  }

  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  add(result: Result): void {
    this.results.push(result);
    if (!result.pass) this.failed++;
    for (const { share } of result.measurements) this.worst = Math.max(this.worst, share);
  }

  /** The {@link Report} as JSON. Numbers that JSON does not know, of results that are not finite, become text. */
  reportFile(version: string): File {
    const date = new Date().toISOString();
    const { results, planned, passed, failed } = this;
    const report: Report = {
      regraft: version,
      date,
      userAgent: navigator.userAgent,
      adapter: this.#adapter,
      complete: planned.length > 0 && results.length === planned.length,
      passed,
      failed,
      results,
    };
    const finite = (_: string, value: unknown) =>
      typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
    const name = `regraft-conformance-${date.slice(0, 'yyyy-mm-dd'.length)}.json`;
    return new File([JSON.stringify(report, finite, 1)], name, { type: 'application/json' });
  }
}
