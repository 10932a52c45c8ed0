/** `#activations` in Node: a temporary file, for activations that are too many for memory. */
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeOnExit } from '../device/temporary-node.ts';
import type { ActivationStore } from './activations.ts';

/** One file, appended to and read by offset; gone when the run ends. */
export class DiskStore implements ActivationStore {
  readonly #path: string;
  readonly #offsets = new Map<string, { at: number; length: number }>();
  #file: FileHandle | null = null;
  #release: (() => void) | null = null;
  #end = 0;

  constructor(folder: string = tmpdir()) {
    this.#path = join(folder, `regraft-trunk-${randomUUID()}.bin`);
  }
  has(key: string): boolean {
    return this.#offsets.has(key);
  }
  async read(key: string): Promise<Uint8Array> {
    const { at, length } = this.#offsets.get(key)!;
    const activations = new Uint8Array(length);
    await this.#file!.read(activations, 0, length, at);
    return activations;
  }
  async write(key: string, activations: Uint8Array): Promise<void> {
    this.#release ??= removeOnExit(this.#path);
    this.#file ??= await open(this.#path, 'w+');
    const at = this.#end;
    this.#end += activations.byteLength;
    await this.#file.write(activations, 0, activations.byteLength, at);
    this.#offsets.set(key, { at, length: activations.length });
  }
  async close(): Promise<void> {
    await this.#file?.close();
    if (this.#file) await rm(this.#path, { force: true });
    this.#release?.();
    this.#file = null;
    this.#offsets.clear();
  }
}
