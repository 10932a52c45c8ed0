/** The weights that the quickstart starts from, and their digest. */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { StateDict } from 'regraft';

/** Made by scripts/pretrain-quickstart.ts. */
export const TRUNK = fileURLToPath(new URL('trunk.safetensors', import.meta.url));

/** SHA-256 over every tensor's name, dtype, shape and bytes, in the file's order. */
export function digest(state: StateDict): string {
  const hash = createHash('sha256');
  for (const [name, { dtype, shape, data }] of state)
    hash.update(`${name} ${dtype} [${shape}]\n`).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest('hex');
}
