/**
 * PyTorch checkpoints out: a zip of a pickle and one entry a storage, as `torch.save(model.state_dict(), path)` writes.
 * The pickle names three things (OrderedDict, _rebuild_tensor_v2, storage classes), so `weights_only=True` takes it.
 */
import type { StateDict, StoredDType } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import { stridesOf } from '../../core/shape.ts';
import { bytesOf } from '../base/bytes.ts';
import { checkWritable, converted, writtenDType } from '../base/cast.ts';
import type { WriteOptions } from '../base/format.ts';
import { type ZipInput, zipChunks } from '../zip/write.ts';

/** The folder that every entry lies in. */
const ROOT = 'archive';
const STORAGES: Readonly<Record<StoredDType, string>> = {
  float64: 'DoubleStorage',
  float32: 'FloatStorage',
  float16: 'HalfStorage',
  bfloat16: 'BFloat16Storage',
  int64: 'LongStorage',
  int32: 'IntStorage',
  int16: 'ShortStorage',
  int8: 'CharStorage',
  uint8: 'ByteStorage',
  bool: 'BoolStorage',
};

/**
 * The bytes of a `.pth` file. Tensors are converted one by one, as the chunks are asked for.
 * @throws ArgumentError if a tensor's data does not fit its shape, a value is too large for `dtype`, or there is metadata:
 * a state dict of PyTorch's has no place for text.
 */
export function* torchChunks(state: StateDict, options: WriteOptions = {}): Generator<Uint8Array> {
  const op = 'torch (zip)';
  checkWritable(op, state);
  const keys = Object.keys(options.metadata ?? {});
  if (keys.length > 0)
    throw new ArgumentError(`${op}: a state dict has no place for metadata (${keys.join(', ')}). Leave it out.`);
  const tensors = [...state].map(([name, tensor]) => {
    return { name, tensor, dtype: writtenDType(tensor.dtype, options.dtype) };
  });
  const text = (content: string) => () => new TextEncoder().encode(content);
  const entries: ZipInput[] = [
    { name: `${ROOT}/data.pkl`, bytes: () => pickled(tensors.map((t) => ({ ...t, shape: t.tensor.shape }))) },
    { name: `${ROOT}/byteorder`, bytes: text('little') },
    ...tensors.map(({ name, tensor, dtype }, i) => ({
      name: `${ROOT}/data/${i}`,
      bytes: () => bytesOf(converted(op, name, tensor, dtype)),
    })),
    { name: `${ROOT}/version`, bytes: text('3\n') },
  ];
  yield* zipChunks(entries);
}

interface Entry {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
}

/** The pickle (protocol 2) of an OrderedDict of contiguous tensors; tensor i lies in storage `i`. */
function pickled(entries: readonly Entry[]): Uint8Array {
  const out = new PickleWriter();
  out.global('collections', 'OrderedDict').emptyTuple().reduce();
  out.mark();
  for (const [i, { name, dtype, shape }] of entries.entries()) {
    const size = shape.reduce((n, d) => n * d, 1);
    out.text(name);
    out.global('torch._utils', '_rebuild_tensor_v2');
    out.mark();
    out.mark();
    out.text('storage').global('torch', STORAGES[dtype]).text(String(i)).text('cpu').integer(size);
    out.tuple().persistentId();
    out.integer(0);
    out.integers(shape);
    out.integers(stridesOf(shape));
    out.no(); // requires_grad
    out.global('collections', 'OrderedDict').emptyTuple().reduce(); // backward hooks: none
    out.tuple().reduce();
  }
  out.setItems();
  return out.finish();
}

/** Opcodes of pickle's protocol 2, those that tensors need. https://github.com/python/cpython/blob/main/Lib/pickletools.py */
class PickleWriter {
  #bytes = new Uint8Array(4096);
  #length = 0;
  /** Globals that have been named, by their place in the memo. */
  readonly #memo = new Map<string, number>();

  constructor() {
    this.#put(0x80, 2);
  }

  global(module: string, name: string): this {
    const key = `${module}\n${name}\n`;
    const known = this.#memo.get(key);
    // A handful of globals: places in the memo fit a byte.
    if (known !== undefined) return this.#put(0x68, known);
    this.#memo.set(key, this.#memo.size);
    return this.#put(0x63)
      .#raw(new TextEncoder().encode(key))
      .#put(0x71, this.#memo.size - 1);
  }
  text(content: string): this {
    const bytes = new TextEncoder().encode(content);
    return this.#put(0x58, ...littleEndian(bytes.length, 4)).#raw(bytes);
  }
  integer(n: number): this {
    if (n < 0x100) return this.#put(0x4b, n);
    if (n < 0x10000) return this.#put(0x4d, ...littleEndian(n, 2));
    if (n < 0x80000000) return this.#put(0x4a, ...littleEndian(n, 4));
    return this.#put(0x8a, 8, ...littleEndian(n, 8));
  }
  integers(numbers: readonly number[]): this {
    if (numbers.length === 0) return this.emptyTuple();
    this.mark();
    for (const n of numbers) this.integer(n);
    return this.tuple();
  }
  mark(): this {
    return this.#put(0x28);
  }
  tuple(): this {
    return this.#put(0x74);
  }
  emptyTuple(): this {
    return this.#put(0x29);
  }
  no(): this {
    return this.#put(0x89);
  }
  reduce(): this {
    return this.#put(0x52);
  }
  persistentId(): this {
    return this.#put(0x51);
  }
  setItems(): this {
    return this.#put(0x75);
  }
  finish(): Uint8Array {
    this.#put(0x2e);
    return this.#bytes.subarray(0, this.#length);
  }

  #put(...bytes: number[]): this {
    return this.#raw(Uint8Array.from(bytes));
  }
  #raw(bytes: Uint8Array): this {
    while (this.#length + bytes.length > this.#bytes.length) {
      const grown = new Uint8Array(2 * this.#bytes.length);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }
}

function littleEndian(n: number, width: number): number[] {
  return Array.from({ length: width }, (_, i) => Math.floor(n / 2 ** (8 * i)) % 256);
}
