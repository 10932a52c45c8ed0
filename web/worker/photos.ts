/** The user's photos: each is decoded once when it comes, for a thumbnail or the reason why it cannot be used. */

import { DataError } from '../../src/core/errors.ts';
import { concurrently } from '../../src/data/concurrently.ts';
import { decodeImage, rgbOf } from '../../src/data/images/decode-browser.ts';
import type { RgbImage } from '../../src/data/images/image.ts';
import type { WorkerEvent } from '../messages.ts';

/** Longer side of thumbnails, in pixels. */
const THUMBNAIL = 200;
/** Shorter side of camera frames, in pixels. */
const FRAME = 320;

export class Photos {
  readonly #files = new Map<number, File>();
  /** Called with each new photo that can be used. */
  keep: (id: number, file: File) => unknown = () => {};
  readonly #post: (event: WorkerEvent) => void;

  constructor(post: (event: WorkerEvent) => void) {
    this.#post = post;
  }

  readonly has = (id: number): boolean => this.#files.has(id);

  /** @throws DataError for an id that is not there. */
  file(id: number): File {
    const file = this.#files.get(id);
    if (!file) throw new DataError(`photo ${id}`, 'is not there any more.');
    return file;
  }

  async add(list: readonly { readonly id: number; readonly file: File }[]): Promise<void> {
    await concurrently(2, list, async ({ id, file }) => {
      try {
        const thumbnail = await thumbnailOf(await imageOf(file));
        if (!this.#files.has(id)) {
          this.#files.set(id, file);
          await this.keep(id, file);
        }
        this.#post({ event: 'photo', id, thumbnail, reason: null });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.#post({ event: 'photo', id, thumbnail: null, reason });
      }
    });
  }

  /** Takes photos back that were looked at before. */
  restore(files: ReadonlyMap<number, File>): void {
    for (const [id, file] of files) this.#files.set(id, file);
  }

  /** The id of a file; -1 once the photo is removed. */
  idOf(blob: Blob): number {
    return [...this.#files].find(([, file]) => file === blob)?.[0] ?? -1;
  }

  remove(ids: readonly number[]): void {
    for (const id of ids) this.#files.delete(id);
  }

  clear(): void {
    this.#files.clear();
  }

  /** A camera frame as a JPEG of modest size. */
  async frame(bitmap: ImageBitmap): Promise<Blob> {
    const scale = Math.min(1, FRAME / Math.min(bitmap.width, bitmap.height));
    return drawn(bitmap, scale, 0.92);
  }
}

/** A file's pixels as training sees them. @throws DataError where it cannot be decoded. */
export async function imageOf(source: File | ImageBitmap): Promise<RgbImage> {
  if (source instanceof ImageBitmap) return rgbOf(source);
  return decodeImage(new Uint8Array(await source.arrayBuffer()), source.name);
}

/** A small JPEG. */
export async function thumbnailOf(image: RgbImage, side: number = THUMBNAIL): Promise<Blob> {
  return drawn(await bitmapOf(image), Math.min(1, side / Math.max(image.width, image.height)), 0.8);
}

/** Pixels as the canvas takes them. */
export function bitmapOf({ data, width, height }: RgbImage): Promise<ImageBitmap> {
  const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    rgba[to] = data[from]!;
    rgba[to + 1] = data[from + 1]!;
    rgba[to + 2] = data[from + 2]!;
  }
  return createImageBitmap(new ImageData(rgba, width, height));
}

/** The bitmap scaled and encoded; it is closed. */
async function drawn(bitmap: ImageBitmap, scale: number, quality: number): Promise<Blob> {
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d')!;
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return canvas.convertToBlob({ type: 'image/jpeg', quality });
}

/** A Blob as a `data:` URL, for the report, which loads nothing. */
export async function dataUrl(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return `data:${blob.type};base64,${btoa(text)}`;
}
