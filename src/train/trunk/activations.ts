/** Stores for the frozen trunk's activations while a run lasts. */

/** Activations by key; each entry is one image's, the bytes of all cuts after one another. */
export interface ActivationStore {
  /** The place in words: `memory`, a folder. */
  readonly place: string;
  has(key: string): boolean;
  read(key: string): Promise<Uint8Array>;
  write(key: string, activations: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export class MemoryStore implements ActivationStore {
  readonly place = 'memory';
  readonly #entries = new Map<string, Uint8Array>();
  has(key: string): boolean {
    return this.#entries.has(key);
  }
  async read(key: string): Promise<Uint8Array> {
    return this.#entries.get(key)!;
  }
  async write(key: string, activations: Uint8Array): Promise<void> {
    this.#entries.set(key, activations);
  }
  async close(): Promise<void> {
    this.#entries.clear();
  }
}
