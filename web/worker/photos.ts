/** The user's photos: each is decoded once when it comes, for a thumbnail or the reason why it cannot be used. */

import { DataError } from '../../src/core/errors.ts';
import { concurrently } from '../../src/data/concurrently.ts';
import { decodeImage, rgbOf } from '../../src/data/decode-browser.ts';
import type { RgbImage } from '../../src/data/image.ts';
import type { WorkerEvent } from '../messages.ts';

/** Longer side of thumbnails, in pixels. */
const THUMBNAIL = 200;
/** Shorter side of camera frames, in pixels. */
const FRAME = 320;

export class Photos {
  readonly #files = new Map<number, File>();
  readonly #post: (event: WorkerEvent) => void;

  constructor(post: (event: WorkerEvent) => void) {
    this.#post = post;
  }

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
        this.#files.set(id, file);
        this.#post({ event: 'photo', id, thumbnail, reason: null });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.#post({ event: 'photo', id, thumbnail: null, reason });
      }
    });
  }

  remove(ids: readonly number[]): void {
    for (const id of ids) this.#files.delete(id);
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
export async function thumbnailOf({ data, width, height }: RgbImage, side: number = THUMBNAIL): Promise<Blob> {
  const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    rgba[to] = data[from]!;
    rgba[to + 1] = data[from + 1]!;
    rgba[to + 2] = data[from + 2]!;
  }
  const bitmap = await createImageBitmap(new ImageData(rgba, width, height));
  return drawn(bitmap, Math.min(1, side / Math.max(width, height)), 0.8);
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
