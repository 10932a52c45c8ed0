/** `#activations` in Node: a temporary file, for activations that are too many for memory. */
import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RegraftError } from '../../core/errors.ts';
import { removeOnExit } from '../../device/temporary-node.ts';
import type { ActivationStore } from './activations.ts';

/** One file, appended to and read by offset; gone when the run ends, however it ends. */
export class DiskStore implements ActivationStore {
  readonly place: string;
  readonly #offsets = new Map<string, { at: number; length: number }>();
  #file: Promise<FileHandle> | null = null;
  #remove: () => Promise<void> = async () => {};
  #end = 0;

  constructor(folder: string = tmpdir()) {
    this.place = folder;
  }

  has(key: string): boolean {
    return this.#offsets.has(key);
  }

  async read(key: string): Promise<Uint8Array> {
    const { at, length } = this.#offsets.get(key)!;
    const activations = new Uint8Array(length);
    const file = await this.#file!;
    for (let done = 0; done < length; ) {
      const { bytesRead } = await file.read(activations, done, length - done, at + done);
      if (bytesRead === 0)
        throw new RegraftError(
          `trunk cache: expected ${length} bytes of an image's activations, got ${done}: its file in ${this.place} was cut short. Run again, or with { cache: false } (--no-cache).`,
        );
      done += bytesRead;
    }
    return activations;
  }

  async write(key: string, activations: Uint8Array): Promise<void> {
    const { byteLength: length } = activations;
    // Its place is taken before anything is waited for: several may write at once.
    const at = this.#end;
    this.#end += length;
    this.#file ??= this.#open();
    const file = await this.#file;
    // A disk that is nearly full takes a part, and refuses the rest.
    for (let done = 0; done < length; ) {
      const { bytesWritten } = await file.write(activations, done, length - done, at + done);
      if (bytesWritten === 0) throw new Error('the disk takes no more');
      done += bytesWritten;
    }
    this.#offsets.set(key, { at, length });
  }

  async #open(): Promise<FileHandle> {
    await mkdir(this.place, { recursive: true });
    const path = join(this.place, `regraft-trunk-${randomUUID()}.bin`);
    const file = await open(path, 'wx+', 0o600);
    // Without a name it needs no cleaning up. Windows removes no open file.
    if (process.platform === 'win32') {
      const release = removeOnExit(path);
      this.#remove = () => rm(path, { force: true }).then(release);
    } else await rm(path);
    return file;
  }

  async close(): Promise<void> {
    const file = await this.#file?.catch(() => null);
    this.#file = null;
    this.#offsets.clear();
    await file?.close();
    await this.#remove();
  }
}
