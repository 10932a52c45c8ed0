/** Reads the elements of a checkpoint's tensors, by range, straight into arrays of their own. */
import { BYTES_PER_ELEMENT, type StoredArray, type TensorData } from '../../core/dtype.ts';
import { WeightFileError } from '../../core/errors.ts';
import { sizeOf, stridesOf } from '../../core/shape.ts';
import { elementsOf, LITTLE_ENDIAN } from '../base/bytes.ts';
import { COST, MemoryBudget } from '../base/memory.ts';
import type { StorageRef, TensorRef } from './objects.ts';

/** The source of a checkpoint's storages. */
export interface StorageReader {
  /** Bytes [offset, offset + length) of a storage; they have been checked to lie inside it. */
  read(storage: StorageRef, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** True if a storage is only read as a whole: it is then read once for all of its tensors. */
  isWhole(storage: StorageRef): boolean;
}

/**
 * Row-major contiguous data of `tensors`, in their order. A contiguous tensor is one read; a storage that is viewed with
 * other strides is read once for all of its views, gathered from, and dropped.
 *
 * @param file Name and size of the file, for errors and for the bound on memory.
 * @throws WeightFileError
 */
export async function readTensors(
  tensors: readonly TensorRef[],
  storages: StorageReader,
  file: { name: string; size: number },
): Promise<TensorData[]> {
  if (!LITTLE_ENDIAN) throw new WeightFileError(file.name, 'weight files are read on little-endian machines only.');
  const budget = MemoryBudget.ofTensors(file);
  for (const { shape, storage } of tensors)
    budget.take(COST.tensor + sizeOf(shape) * BYTES_PER_ELEMENT[storage.dtype], 'its tensors');

  const data = new Array<StoredArray>(tensors.length);
  const strided = new Map<StorageRef, number[]>();
  for (const [i, tensor] of tensors.entries()) {
    const { storage, offset, shape } = tensor;
    const width = BYTES_PER_ELEMENT[storage.dtype];
    const length = sizeOf(shape);
    if (length === 0) data[i] = elementsOf(storage.dtype, new Uint8Array(0));
    else if (isContiguous(tensor) && (length === storage.size || !storages.isWhole(storage)))
      data[i] = elementsOf(storage.dtype, await storages.read(storage, offset * width, length * width));
    else if (strided.has(storage)) strided.get(storage)!.push(i);
    else strided.set(storage, [i]);
  }
  for (const [storage, indices] of strided) {
    const whole = await storages.read(storage, 0, storage.size * BYTES_PER_ELEMENT[storage.dtype]);
    const elements = elementsOf(storage.dtype, whole);
    for (const i of indices) data[i] = gather(elements, tensors[i]!);
  }
  return tensors.map(({ shape, storage }, i) => ({ shape, dtype: storage.dtype, data: data[i]! }));
}

function isContiguous({ shape, strides }: TensorRef): boolean {
  const rowMajor = stridesOf(shape);
  return shape.every((d, i) => d === 1 || strides[i] === rowMajor[i]);
}

/** A strided view as an array of its own: the innermost axis in a loop, the others as an odometer. */
function gather<A extends StoredArray>(elements: A, { offset, shape, strides }: TensorRef): A {
  const out = new (elements.constructor as new (length: number) => A)(sizeOf(shape));
  const rank = shape.length;
  const inner = shape[rank - 1] ?? 1;
  const step = strides[rank - 1] ?? 1;
  const index = new Array<number>(rank).fill(0);
  let from = offset;
  for (let to = 0; to < out.length; ) {
    for (let i = 0, p = from; i < inner; i++, p += step) out[to++] = elements[p]!;
    for (let axis = rank - 2; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}
