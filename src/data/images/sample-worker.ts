/** A worker thread's whole program: loads images on request. Started by sample-threads.ts. */
import { parentPort } from 'node:worker_threads';
import { RegraftError } from '../../core/errors.ts';
import { transformFromJSON } from '../transforms/compose.ts';
import type { Transform } from '../transforms/transform.ts';
import { loadImage } from './load-image.ts';
import type { LoadReply, LoadRequest } from './sample-threads.ts';

const transforms = new Map<string, Transform>();

function transformOf(json: string): Transform {
  let transform = transforms.get(json);
  if (!transform) transforms.set(json, (transform = transformFromJSON(JSON.parse(json))));
  return transform;
}

parentPort!.on('message', async ({ id, path, transform, origin, view }: LoadRequest) => {
  try {
    const { data, shape } = await loadImage(path, transformOf(transform), origin, view);
    parentPort!.postMessage({ id, data, shape } satisfies LoadReply, [data.buffer as ArrayBuffer]);
  } catch (error) {
    // Error classes do not survive the crossing: their name does, and the other side makes them again.
    const name = error instanceof RegraftError ? error.name : 'Error';
    const text = error instanceof Error ? error : new Error(String(error));
    parentPort!.postMessage({
      id,
      error: { name, message: text.message, stack: text.stack ?? '' },
    } satisfies LoadReply);
  }
});
