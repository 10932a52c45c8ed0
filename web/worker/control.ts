/** Holding a run between two batches, and ending it. */

/** Thrown where the visitor stops a run. */
export class Stopped extends Error {}

export class Control {
  #stop = new AbortController();
  #waiting: Promise<void> | null = null;
  #release: () => void = () => {};

  /** A run begins. @returns what tells it that it was stopped */
  begin(): AbortSignal {
    this.resume();
    this.#stop = new AbortController();
    return this.#stop.signal;
  }

  pause(): void {
    this.#waiting ??= new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  resume(): void {
    this.#waiting = null;
    this.#release();
  }

  stop(): void {
    this.#stop.abort(new Stopped('stopped'));
    this.resume();
  }

  /** Resolves at once, or when the pause is over: to the milliseconds that it took. */
  async held(): Promise<number> {
    const began = performance.now();
    await this.#waiting;
    return performance.now() - began;
  }
}
