/** Files beside the one that names them: opened once where they are few, told apart by their names, and counted. */
import { WeightFileError } from '../../core/errors.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import { fileKey, isPlainPath, printable } from './bytes.ts';

/** So many stay open; systems give a process a few hundred. */
const OPEN_LIMIT = 64;

/** The files beside a source. Close it after use. */
export class FilesBeside {
  readonly #source: ByteSource;
  readonly #instead: string;
  readonly #open = new Map<string, ByteSource>();
  readonly #sizes = new Map<string, number>();

  /** @param instead What is to be opened where the files cannot be reached: `model.json`. */
  constructor(source: ByteSource, instead: string) {
    this.#source = source;
    this.#instead = instead;
  }

  /** Bytes of the files that were used, each counted once. */
  get total(): number {
    return [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
  }

  /** The size of a file in bytes. */
  size(path: string): Promise<number> {
    return this.use(path, async ({ size }) => size);
  }

  /**
   * Lets `read` have a file.
   * @throws WeightFileError if there is no such file, or its path is no plain one.
   */
  async use<T>(path: string, read: (file: ByteSource) => Promise<T>): Promise<T> {
    const key = fileKey(path);
    const file = this.#open.get(key) ?? (await this.#opened(path));
    this.#sizes.set(key, file.size);
    if (this.#open.has(key)) return read(file);
    if (this.#open.size < OPEN_LIMIT) {
      this.#open.set(key, file);
      return read(file);
    }
    return read(file).finally(() => file.close());
  }

  async close(): Promise<void> {
    for (const file of this.#open.values()) await file.close();
    this.#open.clear();
  }

  #opened(path: string): Promise<ByteSource> {
    const { beside, name } = this.#source;
    if (!isPlainPath(path) || /\p{Cc}/u.test(path))
      throw new WeightFileError(name, `names the file '${printable(path)}', which is no plain path.`);
    if (!beside)
      throw new WeightFileError(
        name,
        `its weights lie in other files (${printable(path)}). Pass the path or URL of ${this.#instead}.`,
      );
    return beside(path);
  }
}
