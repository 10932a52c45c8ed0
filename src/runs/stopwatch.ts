/** Seconds by part of a run. */
export class Stopwatch {
  readonly #parts: Map<string, number>;
  readonly #earlier: number;
  readonly #began = performance.now();

  /** @param earlier the time that an interrupted run had taken already */
  constructor(earlier: { readonly total: number; readonly parts: Readonly<Record<string, number>> } | null = null) {
    this.#parts = new Map(Object.entries(earlier?.parts ?? {}));
    this.#earlier = earlier?.total ?? 0;
  }

  add(part: string, seconds: number): void {
    this.#parts.set(part, (this.#parts.get(part) ?? 0) + seconds);
  }

  /** Does `work`, and counts its time as `part`. */
  async time<T>(part: string, work: () => T | Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await work();
    } finally {
      this.add(part, (performance.now() - began) / 1000);
    }
  }

  /** So far. */
  read(): { total: number; parts: Record<string, number> } {
    const total = this.#earlier + (performance.now() - this.#began) / 1000;
    return { total, parts: Object.fromEntries(this.#parts) };
  }
}
