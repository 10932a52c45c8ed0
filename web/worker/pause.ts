/** Holding a run between two batches. */

export class Pause {
  #waiting: Promise<void> | null = null;
  #release: () => void = () => {};

  begin(): void {
    this.#waiting ??= new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  end(): void {
    this.#waiting = null;
    this.#release();
  }

  /** Resolves at once, or when the pause is over. */
  async over(): Promise<void> {
    await this.#waiting;
  }
}
