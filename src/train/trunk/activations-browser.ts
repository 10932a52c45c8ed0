/** `#activations` in browsers: Blobs, which the browser keeps on disk where memory is short. */
import type { ActivationStore } from './activations.ts';

/** Node's takes a folder; there is none here, and it is ignored. */
export class DiskStore implements ActivationStore {
  readonly place = "the browser's storage";
  readonly #entries = new Map<string, Blob>();

  has(key: string): boolean {
    return this.#entries.has(key);
  }
  async read(key: string): Promise<Uint8Array> {
    return new Uint8Array(await this.#entries.get(key)!.arrayBuffer());
  }
  async write(key: string, activations: Uint8Array): Promise<void> {
    this.#entries.set(key, new Blob([activations as Uint8Array<ArrayBuffer>]));
  }
  async close(): Promise<void> {
    this.#entries.clear();
  }
}
