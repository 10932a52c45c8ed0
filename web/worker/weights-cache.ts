/** Downloaded weights in the origin's storage. */
import type { PretrainedWeights } from '../../src/models/published.ts';

const STORE = 'regraft-weights';

export async function isStored({ url }: PretrainedWeights): Promise<boolean> {
  return (await (await caches.open(STORE)).match(url)) !== undefined;
}

/** The file's bytes, or undefined. */
export async function stored({ url }: PretrainedWeights): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const response = await (await caches.open(STORE)).match(url);
  return response && new Uint8Array(await response.arrayBuffer());
}

/** Keeps the file. A full disk is no reason not to train: then it is downloaded again another time. */
export async function store({ url }: PretrainedWeights, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const folder = await caches.open(STORE);
  await folder.put(url, new Response(bytes)).catch(() => {});
}
