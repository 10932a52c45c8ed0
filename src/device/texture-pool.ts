/** Textures that hold copies of buffers, for kernels that load texels. */

import { DeviceError } from '../core/errors.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { Faults } from './faults.ts';

/** What a texel of a copy holds: an element, or four in a row. */
export type TexelFormat = 'r32float' | 'rgba32float';

/** What a copy is like: its format, how many texels, and which of a kernel's reads it stands for. */
export interface CopyShape {
  readonly format: TexelFormat;
  readonly texels: number;
  readonly read: number;
}

/** Bytes of a texel. */
export const texelBytes = (format: TexelFormat): number => (format === 'r32float' ? 4 : 16);

interface Shared {
  readonly texture: GPUTexture;
  readonly view: GPUTextureView;
  readonly texels: number;
  readonly bytes: number;
  users: number;
}

/**
 * One texture for each format and each read of a kernel, as large as the largest copy: a copy is read by the very next kernel, and the
 * queue runs in order, so all plans share it. What is not used any more is destroyed.
 */
export class TexturePool {
  readonly #gpu: GPUDevice;
  readonly #faults: Faults;
  readonly #buffers: BufferPool;
  readonly #current = new Map<string, Shared>();
  readonly #users = new Map<GPUTexture, Shared>();

  constructor(gpu: GPUDevice, faults: Faults, buffers: BufferPool) {
    this.#gpu = gpu;
    this.#faults = faults;
    this.#buffers = buffers;
  }

  /**
   * A texture with rows of `columns` texels that holds the copy, until {@link release}.
   * @throws DeviceError if it is more than a software adapter's machine has left.
   */
  acquire({ format, texels, read }: CopyShape, columns: number): { texture: GPUTexture; view: GPUTextureView } {
    const key = `${format} ${read}`;
    let shared = this.#current.get(key);
    if (!shared || shared.texels < texels) this.#current.set(key, (shared = this.#create(format, texels, columns)));
    shared.users++;
    return shared;
  }

  /** One user fewer; the last one out frees it. */
  release(texture: GPUTexture): void {
    const shared = this.#users.get(texture)!;
    if (--shared.users > 0) return;
    this.#users.delete(texture);
    for (const [key, current] of this.#current) if (current === shared) this.#current.delete(key);
    this.#buffers.unclaim(shared.bytes);
    texture.destroy();
  }

  #create(format: TexelFormat, texels: number, columns: number): Shared {
    const size: [number, number] = [Math.min(texels, columns), Math.ceil(texels / columns)];
    const bytes = size[0] * size[1] * texelBytes(format);
    this.#buffers.claim(bytes);
    this.#gpu.pushErrorScope('out-of-memory');
    const usage = GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_DST;
    const texture = this.#gpu.createTexture({ size, format, usage });
    this.#faults.watch(
      this.#gpu
        .popErrorScope()
        .then((error) =>
          error
            ? new DeviceError(`device: out of GPU memory: a texture of ${bytes} bytes. Reduce the batch size.`)
            : undefined,
        ),
    );
    const shared = { texture, view: texture.createView(), texels: size[0] * size[1], bytes, users: 0 };
    this.#users.set(texture, shared);
    return shared;
  }
}
