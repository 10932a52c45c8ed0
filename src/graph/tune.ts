/**
 * The tuner: times the tiles that a product could run in, on this adapter, with the very buffers and epilogue that a program uses, and notes
 * the fastest for later runs. Only tiles that compute what the default computes can win.
 */
import { writeNote } from '#files';
import { BYTES_PER_ELEMENT, type DType, fromHalves, toHalves } from '../core/dtype.ts';
import { checkFunction } from '../core/options.ts';
import { currentDevice } from '../device/current.ts';
import type { Device } from '../device/device.ts';
import type { ProductShape, Tile } from '../kernels/gemm/shape.ts';
import { candidateTiles, classOf, defaultTile } from '../kernels/gemm/tiles.ts';
import type { KernelTarget, Operand, Program } from '../kernels/kernel.ts';
import { bindingBytes } from './buffers.ts';
import { Commands } from './commands.ts';
import type { Group } from './group.ts';
import { lower } from './lower.ts';
import { plannedGroups } from './run.ts';
import { Sequence } from './sequence.ts';
import { tilesOf } from './tuning.ts';

/** A comparison of the tiles of one class of products. Times are milliseconds. */
export interface TunedProduct {
  /** The kernel in which the class was met first: `conv2d.lane32x64`. */
  readonly kernel: string;
  /** Class of the shape, by powers of two. */
  readonly class: string;
  readonly default: TimedTile;
  /** The default, where nothing is faster by 3 %. */
  readonly best: TimedTile;
  readonly candidates: number;
  /** Candidates that computed something else. */
  readonly wrong: readonly Tile[];
}

/** A tile and the time of the product in it. */
export interface TimedTile {
  /** The cut of the product. */
  readonly tile: Tile;
  /** Median, in milliseconds. */
  readonly ms: number;
}

/** The gain over the default that replaces it: less is noise. */
const GAIN = 0.03;
/** A sample repeats the product until it lasts this long; the median of so many samples counts. */
const SAMPLE_MS = 5;
const SAMPLES = 3;
/** Largest difference, relative to the largest magnitude: sums in another order differ by less, or by a step of float16 where they are rounded to it. */
const TOLERANCE = { float32: 1e-4, float16: 1e-4 + 2 ** -10 };

/**
 * Tunes every product that `fn` records; `fn`'s computation is not run. Classes that are tuned already are kept.
 * @param onProduct sees each class as it is done
 * @returns the measurements. They are used from now on, and noted for later runs.
 * @throws DeviceError before `init()`; RegraftError if the note cannot be written.
 */
export async function tune(
  fn: () => unknown,
  onProduct: (product: TunedProduct) => void = () => {},
): Promise<TunedProduct[]> {
  checkFunction('tune', 'what it tunes', fn, 'tune(() => model.forward(images))');
  const device = currentDevice();
  const tiles: Record<string, Tile> = { ...tilesOf(device) };
  const tuned: TunedProduct[] = [];
  const met = new Set(Object.keys(tiles));
  for (const group of plannedGroups(fn)) {
    const hasFloat16 = [...group.reads, ...group.writes].some(({ dtype }) => dtype === 'float16');
    for (const product of productsOf(group, device.target)) {
      const name = classOf(product);
      // But for those that can be multiplied as matrices, products of 16-bit operands take the tiles of 32-bit ones.
      if (met.has(name) || (hasFloat16 && !product.float16)) continue;
      met.add(name);
      const result = await compare(device, group, product);
      tiles[name] = result.best.tile;
      tuned.push(result);
      onProduct(result);
    }
  }
  if (tuned.length > 0) {
    device.tuning = `${JSON.stringify({ adapter: device.target.adapter, tiles }, null, 1)}\n`;
    await writeNote(device.tuningNote, device.tuning);
  }
  return tuned;
}

/** The products that a group runs. */
function productsOf(group: Group, target: KernelTarget): ProductShape[] {
  const products: ProductShape[] = [];
  const tileFor = (product: ProductShape): undefined => {
    products.push(product);
  };
  lower(group, { ...target, tileFor });
  return products;
}

/** Times the tiles of a product in its group. */
export async function compare(device: Device, group: Group, product: ProductShape): Promise<TunedProduct> {
  const name = classOf(product);
  const programOf = (tile: Tile): Program =>
    lower(group, { ...device.target, tileFor: (other) => (classOf(other) === name ? tile : undefined) });
  const first = defaultTile(device.target, product);
  const same = JSON.stringify(first);
  const others = candidateTiles(device.target, product).filter((tile) => JSON.stringify(tile) !== same);
  const stand = new TestStand(device, group);
  const types = group.writes.map(({ dtype }) => dtype);
  try {
    const expected = await stand.outputs(programOf(first));
    let standard: TimedTile = { tile: first, ms: await stand.time(programOf(first)) };
    const wrong: Tile[] = [];
    let best = standard;
    for (const tile of others) {
      const program = programOf(tile);
      if (!agree(await stand.outputs(program), expected, types)) wrong.push(tile);
      else {
        const ms = await stand.time(program);
        if (ms < Math.min(best.ms, (1 - GAIN) * standard.ms)) best = { tile, ms };
      }
    }
    if (best !== standard) {
      // Measures once more, side by side: a disturbance of the default alone must not decide.
      const again = { tile: first, ms: await stand.time(programOf(first)) };
      const ms = await stand.time(programOf(best.tile));
      best = ms < (1 - GAIN) * again.ms ? { tile: best.tile, ms } : again;
      standard = again;
    }
    const kernel = programOf(first).steps.find((step) => /\.(lane|tile)/.test(step.name))!.name;
    return { kernel, class: name, default: standard, best, candidates: others.length + 1, wrong };
  } finally {
    stand.dispose();
  }
}

function agree(found: readonly Float32Array[], expected: readonly Float32Array[], types: readonly DType[]): boolean {
  return expected.every((values, k) => {
    const largest = values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    const bound = TOLERANCE[types[k] === 'float16' ? 'float16' : 'float32'] * largest;
    return values.every((v, i) => Math.abs(v - found[k]![i]!) <= bound);
  });
}

/** Buffers for one group's programs: random inputs (data updated in place among them); outputs and temporaries poisoned before each use. */
class TestStand {
  readonly #device: Device;
  readonly #reads: readonly GPUBuffer[];
  readonly #writes: readonly GPUBuffer[];
  readonly #before: (i: number) => number;
  readonly #results: Group['writes'];
  readonly #sizes: (o: Operand, program: Program) => number;

  constructor(device: Device, { reads, writes, inPlace }: Group) {
    this.#device = device;
    // Optimizers take square roots of their state.
    this.#before = inPlace ? (i) => Math.abs(noise(reads.length)(i)) : poison;
    const fillOf = (k: number, dtype: DType) => (dtype === 'int32' ? () => 0 : noise(k));
    this.#reads = reads.map(({ bytes, dtype }, k) => this.#filled(bindingBytes(bytes), fillOf(k, dtype), dtype));
    this.#writes = writes.map(({ bytes, dtype }) => this.#filled(bindingBytes(bytes), this.#before, dtype));
    this.#results = writes;
    this.#sizes = ({ kind, index }, { temps }) =>
      bindingBytes(kind === 'temp' ? temps![index]! : (kind === 'input' ? reads : writes)[index]!.bytes);
  }

  /** The program's outputs for the inputs. */
  async outputs(program: Program): Promise<Float32Array[]> {
    this.#writes.forEach((buffer, k) => {
      this.#fill(buffer, this.#before, this.#results[k]!.dtype);
    });
    return this.#with(program, async (sequence) => {
      await this.#run(sequence, 1);
      const ranges = this.#writes.map((buffer, k) => ({ buffer, offset: 0, bytes: this.#results[k]!.bytes }));
      const found = await this.#device.readAll(ranges);
      return found.map((bytes, k) => {
        const { dtype, count } = this.#results[k]!;
        return dtype === 'float16' ? fromHalves(new Uint16Array(bytes, 0, count)) : new Float32Array(bytes, 0, count);
      });
    });
  }

  /** Duration of a run in milliseconds. */
  time(program: Program): Promise<number> {
    return this.#with(program, async (sequence) => {
      const once = await this.#run(sequence, 1);
      const repeats = Math.max(1, Math.ceil(SAMPLE_MS / once));
      const samples: number[] = [];
      while (samples.length < SAMPLES) samples.push((await this.#run(sequence, repeats)) / repeats);
      return samples.sort((a, b) => a - b)[SAMPLES >> 1]!;
    });
  }

  dispose(): void {
    for (const buffer of [...this.#reads, ...this.#writes]) this.#device.pool.release(buffer);
  }

  async #run(sequence: Sequence, repeats: number): Promise<number> {
    const commands = new Commands(this.#device, Number.POSITIVE_INFINITY);
    for (let r = 0; r < repeats; r++) sequence.encode(commands);
    const began = performance.now();
    commands.submit();
    await this.#device.whenIdle();
    return performance.now() - began;
  }

  async #with<T>(program: Program, use: (sequence: Sequence) => Promise<T>): Promise<T> {
    const temps = (program.temps ?? []).map((bytes) => this.#filled(bindingBytes(bytes), poison));
    const buffers = { input: this.#reads, output: this.#writes, temp: temps };
    const bufferOf = (o: Operand): GPUBufferBinding => ({
      buffer: buffers[o.kind][o.index]!,
      size: this.#sizes(o, program),
    });
    const sequence = new Sequence(this.#device, [{ steps: program.steps, bufferOf }], []);
    try {
      return await use(sequence);
    } finally {
      sequence.destroy();
      for (const buffer of temps) this.#device.pool.release(buffer);
    }
  }

  #filled(bytes: number, fill: (i: number) => number, dtype: DType = 'float32'): GPUBuffer {
    const buffer = this.#device.pool.acquire(bytes);
    this.#fill(buffer, fill, dtype);
    return buffer;
  }

  #fill(buffer: GPUBuffer, fill: (i: number) => number, dtype: DType): void {
    const values = Float32Array.from({ length: buffer.size / BYTES_PER_ELEMENT[dtype] }, (_, i) => fill(i));
    const elements = dtype === 'float16' ? toHalves(values) : values;
    this.#device.queue.writeBuffer(buffer, 0, elements as Float32Array<ArrayBuffer>);
  }
}

const poison = (): number => Number.NaN;

/** Values in [-1, 1) that repeat late: enough to tell right from wrong. */
const noise =
  (seed: number) =>
  (i: number): number =>
    ((((i + seed * 7919) * 40503) % 65521) / 65521) * 2 - 1;
