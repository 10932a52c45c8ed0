/**
 * The frozen-trunk cache: what the frozen part of a network makes of an image is computed once per image and augmented
 * view, kept in memory or on disk, and from then on only the trainable part runs.
 */
import { randomUUID } from 'node:crypto';
import { createHash } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostArray } from '../core/dtype.ts';
import { findTrunk, replaceTrunk, type Trunk } from '../graph/frozen.ts';
import { readBack } from '../graph/run.ts';
import type { Data } from '../graph/value.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Activations by key; each entry is one image's, all cuts after one another. */
interface Store {
  has(key: string): boolean;
  read(key: string): Promise<Float32Array>;
  write(key: string, activations: Float32Array): Promise<void>;
  close(): Promise<void>;
}

class MemoryStore implements Store {
  readonly #entries = new Map<string, Float32Array>();
  has(key: string): boolean {
    return this.#entries.has(key);
  }
  async read(key: string): Promise<Float32Array> {
    return this.#entries.get(key)!;
  }
  async write(key: string, activations: Float32Array): Promise<void> {
    this.#entries.set(key, activations);
  }
  async close(): Promise<void> {
    this.#entries.clear();
  }
}

/** One file, appended to and read by offset; gone when the run ends. */
class DiskStore implements Store {
  readonly #path: string;
  readonly #offsets = new Map<string, { at: number; length: number }>();
  #file: FileHandle | null = null;
  #end = 0;

  constructor(folder: string) {
    this.#path = join(folder, `regraft-trunk-${randomUUID()}.bin`);
  }
  has(key: string): boolean {
    return this.#offsets.has(key);
  }
  async read(key: string): Promise<Float32Array> {
    const { at, length } = this.#offsets.get(key)!;
    const activations = new Float32Array(length);
    await this.#file!.read(new Uint8Array(activations.buffer), 0, length * 4, at);
    return activations;
  }
  async write(key: string, activations: Float32Array): Promise<void> {
    this.#file ??= await open(this.#path, 'w+');
    const at = this.#end;
    this.#end += activations.byteLength;
    await this.#file.write(new Uint8Array(activations.buffer, activations.byteOffset, activations.byteLength), 0, activations.byteLength, at);
    this.#offsets.set(key, { at, length: activations.length });
  }
  async close(): Promise<void> {
    await this.#file?.close();
    if (this.#file) await rm(this.#path, { force: true });
    this.#file = null;
    this.#offsets.clear();
  }
}
