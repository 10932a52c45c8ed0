/** The bytes of an ONNX file as protobufjs reads them; the memory of each field is accounted for before it is made. */
import protobuf from 'protobufjs/light.js';
import { count } from '../base/bytes.ts';
import { COST, type MemoryBudget } from '../base/memory.ts';

/** Members of protobufjs's readers that their types leave out. */
interface Undeclared {
  tag(): number;
  size(): number;
  skipType(...field: number[]): this;
  discardUnknown: boolean;
}
const Reader = protobuf.Reader as unknown as new (bytes: Uint8Array) => protobuf.Reader & Undeclared;

/**
 * Counts, drops unknown fields, and gives 64-bit integers as numbers: those that are too large to be exact are no sizes.
 * @throws WeightFileError when the content takes more than `budget` has.
 */
export class OnnxReader extends Reader {
  readonly #budget: MemoryBudget;
  #skipping = false;

  constructor(bytes: Uint8Array, budget: MemoryBudget) {
    // Not Reader.create: that reads Buffers by methods of theirs.
    super(bytes);
    this.#budget = budget;
    this.discardUnknown = true;
  }

  override tag(): number {
    this.#take(COST.slot);
    return super.tag();
  }

  /** Length of a message, a list, or bytes. */
  override size(): number {
    this.#take(COST.container);
    return super.size();
  }

  override skipType(...field: number[]): this {
    this.#skipping = true;
    super.skipType(...field);
    this.#skipping = false;
    return this;
  }

  override string(): string {
    const length = super.size();
    const [start, end] = [this.pos, this.pos + length];
    if (end > this.len) throw new RangeError('index out of range');
    this.#take(COST.value + COST.character * length);
    this.pos = end;
    return protobuf.util.utf8.read(this.buf, start, end);
  }

  // A property, because the method is declared to give objects of the package `long`.
  override int64 = (() => {
    this.#take(COST.slot);
    const start = this.pos;
    let low = 0;
    for (let i = 0; i < 10 && this.pos < this.len; i++) {
      const byte = this.buf[this.pos++]!;
      low += (byte & 127) * 2 ** (7 * i);
      // Seven bytes are exact in a number; of more, ten mean a negative one.
      if (byte < 128) return i < 7 ? low : longOf(this.buf.subarray(start, this.pos));
    }
    throw new RangeError('index out of range');
  }) as unknown as protobuf.Reader['int64'];

  /** `at byte 1,204` */
  get at(): string {
    return `at byte ${count(this.pos)}`;
  }

  #take(bytes: number): void {
    if (!this.#skipping) this.#budget.take(bytes, 'its graph', this);
  }
}

/** A varint of up to ten bytes as a signed 64-bit integer, rounded to a number. */
function longOf(bytes: Uint8Array): number {
  let value = 0n;
  for (const [i, byte] of bytes.entries()) value |= BigInt(byte & 127) << BigInt(7 * i);
  return Number(BigInt.asIntN(64, value));
}
