/** TF.js Layers models out: `model.json` with topology and manifest, and the weights in shards beside it. */
import type { StateDict } from '../../core/dtype.ts';
import { bytesOf } from '../base/bytes.ts';
import { checkWritable } from '../base/cast.ts';
import type { OutputFile } from '../base/format.ts';
import { KERAS2_VERSION } from './h5-write.ts';

/** Bytes of a shard, as TF.js's own converter cuts them: browsers fetch and cache such pieces. */
const SHARD_BYTES = 4 << 20;

/**
 * The shards, then the `model.json`, whose name they bear, so that several models fit one folder.
 * @param name Of the `model.json`.
 * @param config `{ class_name, config }` in Keras 2's spelling.
 * @param state float32 and int64 (written as int32, the only integers that TF.js has); names as `conv1/kernel`.
 */
export function tfjsFiles(name: string, config: unknown, state: StateDict): OutputFile[] {
  checkWritable('TF.js', state);
  const tensors = [...state.values()].map((tensor) =>
    tensor.dtype === 'int64'
      ? { ...tensor, dtype: 'int32' as const, data: Int32Array.from(tensor.data as BigInt64Array, Number) }
      : tensor,
  );
  const shards = sharded(tensors.map(bytesOf));
  const stem = name.replace(/\.json$/i, '');
  const paths = shards.map((_, i) => `${stem}-shard${i + 1}of${shards.length}.bin`);
  const weights = [...state.keys()].map((key, i) => ({
    name: key,
    shape: tensors[i]!.shape,
    dtype: tensors[i]!.dtype,
  }));
  const model = {
    format: 'layers-model',
    generatedBy: 'regraft',
    convertedBy: null,
    modelTopology: { keras_version: KERAS2_VERSION, backend: 'tensorflow', model_config: config },
    weightsManifest: [{ paths, weights }],
  };
  return [
    ...shards.map((bytes, i) => ({ name: paths[i]!, chunks: [bytes] })),
    { name, chunks: [new TextEncoder().encode(JSON.stringify(model))] },
  ];
}

/** The bytes behind one another, cut at multiples of the shard size wherever a tensor is. */
function sharded(parts: readonly Uint8Array[]): Uint8Array[] {
  const total = parts.reduce((sum, { length }) => sum + length, 0);
  const count = Math.max(1, Math.ceil(total / SHARD_BYTES));
  const shards = Array.from({ length: count }, (_, i) => {
    return new Uint8Array(Math.min(SHARD_BYTES, total - i * SHARD_BYTES));
  });
  let position = 0;
  for (const part of parts)
    for (let done = 0; done < part.length; ) {
      const at = position % SHARD_BYTES;
      const piece = part.subarray(done, done + SHARD_BYTES - at);
      shards[Math.floor(position / SHARD_BYTES)]!.set(piece, at);
      done += piece.length;
      position += piece.length;
    }
  return shards;
}
