/** Dispatches over fixed buffers, with the words of all their uniforms in one buffer, or a few words as immediates. */
import { BIND_GROUP_BYTES } from '../device/backlog.ts';
import type { Device } from '../device/device.ts';
import type { GroupSignature } from '../device/pipeline-cache.ts';
import { type CopyShape, texelBytes } from '../device/texture-pool.ts';
import { type Operand, type Step, TEXEL_COLUMNS } from '../kernels/kernel.ts';
import type { Commands } from './commands.ts';

/** The device's objects for a dispatch. */
interface Compiled {
  readonly pipeline: GPUComputePipeline;
  readonly groups: readonly GPUBindGroup[];
}

interface Dispatch {
  readonly name: string;
  /**
   * Made when it is first encoded: the GPU runs the first dispatches of a new plan while the next ones are compiled. The
   * factory is dropped then, so that everything it captured can be collected.
   */
  compiled: Compiled | (() => Compiled);
  readonly workgroups: readonly [number, number, number];
  readonly immediates: Uint32Array<ArrayBuffer> | null;
  /** Operands that are copied to where the kernel reads them, just before it runs. */
  readonly copies: readonly Copy[];
}

/** A range of the uniforms' buffer, in bytes. */
interface UniformRange {
  readonly offset: number;
  readonly size: number;
}

interface Copy {
  readonly from: GPUBuffer;
  readonly to: GPUTexture;
  readonly texels: number;
  readonly texelBytes: number;
}

/** Steps of one program, and where their operands live. */
export interface Placed {
  readonly steps: readonly Step[];
  readonly bufferOf: (operand: Operand) => GPUBufferBinding;
}

const alignTo = (bytes: number, step: number): number => Math.ceil(bytes / step) * step;

/**
 * Bytes of every uniform's binding, which may reach into the next ones: wgpu holds a kernel's bindings to the sizes that the kernel before
 * it needed, where both have one layout.
 */
const UNIFORM_BYTES = 256;

export class Sequence {
  readonly dispatches: readonly Dispatch[];
  readonly bindGroups: number;
  readonly #device: Device;
  readonly #uniforms: GPUBuffer | null;
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #textures: readonly GPUTexture[];
  /** Positions of the words that hold each scalar of the graph. */
  readonly #scalarWords: number[][] = [];
  #scalars: readonly number[];
  /** Makes the engine collect bind groups that are gone in time: to it they are small objects. See `own` in storage.ts. */
  readonly ballast: ArrayBuffer;

  constructor(device: Device, placed: readonly Placed[], scalars: readonly number[]) {
    this.#device = device;
    this.#scalars = scalars;
    const align = device.info.limits.minUniformBufferOffsetAlignment!;
    const pieces: (readonly number[])[] = [];
    let bytes = 0;
    let end = 0;
    /** Reserves room for a uniform and gives its binding, or null for none. */
    const reserve = (words: readonly number[] = []): UniformRange | null => {
      if (!words.length) return null;
      const offset = bytes;
      bytes += alignTo(words.length * 4, Math.max(16, align));
      pieces[offset / 4] = words;
      const size = alignTo(words.length * 4, UNIFORM_BYTES);
      end = offset + size;
      return { offset, size };
    };
    const slots = placed.map(({ steps }) =>
      steps.map((step) => ({ own: reserve(step.params), fusion: reserve(step.fusion?.params) })),
    );
    this.#words = new Uint32Array(bytes / 4);
    pieces.forEach((words, at) => {
      this.#words.set(words, at);
    });
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    this.#uniforms = bytes ? device.gpu.createBuffer({ size: end, usage, label: 'uniforms' }) : null;
    if (this.#uniforms) device.gpu.queue.writeBuffer(this.#uniforms, 0, this.#words);

    const textures = new Map<string, { texture: GPUTexture; view: GPUTextureView }>();
    const sized = placed.map(({ steps, bufferOf }) => ({ steps, bytesOf: (o: Operand) => bufferOf(o).size! }));
    for (const shape of largestCopies(sized))
      textures.set(nameOf(shape), device.textures.acquire(shape, TEXEL_COLUMNS));
    this.#textures = [...textures.values()].map(({ texture }) => texture);

    const bindGroup = (layout: GPUBindGroupLayout, resources: GPUBindingResource[], uniform: UniformRange | null) => {
      if (uniform) resources.push({ buffer: this.#uniforms!, ...uniform });
      device.counters.bindGroups++;
      device.backlog.bindGroup();
      return device.gpu.createBindGroup({
        layout,
        entries: resources.map((resource, binding) => ({ binding, resource })),
      });
    };
    this.dispatches = placed.flatMap(({ steps, bufferOf }, p) =>
      steps.map((step, s): Dispatch => {
        const { name, reads, texels, writes, fusion, workgroups, immediates } = step;
        const { own, fusion: fused } = slots[p]![s]!;
        for (const { scalar, word } of fusion?.scalars ?? [])
          (this.#scalarWords[scalar] ??= []).push(fused!.offset / 4 + word);
        const signatures = [
          { reads: reads.length, texels, writes: writes.length, params: immediates ? 'immediates' : uniformOf(own) },
          fusion && { reads: fusion.reads.length, writes: fusion.writes.length, params: uniformOf(fused) },
          name,
        ] as const;
        const resources: GPUBindingResource[] = [...reads, ...writes].map(bufferOf);
        const copies = copiesOf(step, (o) => bufferOf(o).size!).map((shape): Copy => {
          const { texture, view } = textures.get(nameOf(shape))!;
          const { buffer: from } = resources[shape.read] as GPUBufferBinding;
          resources[shape.read] = view;
          return { from, to: texture, texels: shape.texels, texelBytes: texelBytes(shape.format) };
        });
        const ofFusion = fusion && [...fusion.reads, ...fusion.writes].map(bufferOf);
        const compiled = (): Compiled => {
          const { pipeline, layouts } = device.pipelines.pipelineFor(step.wgsl, ...signatures);
          const groups = [bindGroup(layouts[0]!, resources, own)];
          if (ofFusion) groups.push(bindGroup(layouts[1]!, ofFusion, fused));
          return { pipeline, groups };
        };
        return {
          name,
          compiled,
          workgroups,
          copies,
          immediates: immediates ? Uint32Array.from(immediates) : null,
        };
      }),
    );
    this.bindGroups = placed.flatMap(({ steps }) => steps).reduce((n, { fusion }) => n + (fusion ? 2 : 1), 0);
    this.ballast = new ArrayBuffer(this.bindGroups * BIND_GROUP_BYTES);
  }

  /** Brings the uniforms up to date with the graph's scalars; writes nothing when none has changed. */
  writeScalars(scalars: readonly number[]): void {
    const floats = new Float32Array(this.#words.buffer);
    let changed = false;
    for (let k = 0; k < scalars.length; k++) {
      if (Object.is(scalars[k], this.#scalars[k])) continue;
      for (const word of this.#scalarWords[k] ?? []) {
        floats[word] = scalars[k]!;
        changed = true;
      }
    }
    this.#scalars = scalars;
    if (changed) this.#device.gpu.queue.writeBuffer(this.#uniforms!, 0, this.#words);
  }

  encode(commands: Commands): void {
    for (const dispatch of this.dispatches) {
      if (typeof dispatch.compiled === 'function') dispatch.compiled = dispatch.compiled();
      const { pipeline, groups } = dispatch.compiled;
      for (const { from, to, texels, texelBytes } of dispatch.copies)
        copyTexels(commands.copying(), from, to, texels, texelBytes);
      commands.dispatch(pipeline, groups, dispatch.workgroups, dispatch.immediates);
    }
  }

  destroy(): void {
    this.#uniforms?.destroy();
    for (const texture of this.#textures) this.#device.textures.release(texture);
  }
}

const uniformOf = (range: UniformRange | null): GroupSignature['params'] => (range ? 'uniform' : 'none');

const nameOf = ({ format, read }: CopyShape): string => `${format} ${read}`;

type BytesOf = (operand: Operand) => number;

/** The reads of a step that it takes as texels. */
function copiesOf({ reads, texels = [] }: Step, bytesOf: BytesOf): CopyShape[] {
  return texels.flatMap((format, read) =>
    format ? [{ format, read, texels: bytesOf(reads[read]!) / texelBytes(format) }] : [],
  );
}

/** The largest copy of each kind that the steps need. */
export function largestCopies(sized: readonly { steps: readonly Step[]; bytesOf: BytesOf }[]): Iterable<CopyShape> {
  const largest = new Map<string, CopyShape>();
  for (const { steps, bytesOf } of sized)
    for (const shape of steps.flatMap((step) => copiesOf(step, bytesOf))) {
      const known = largest.get(nameOf(shape));
      if (!known || known.texels < shape.texels) largest.set(nameOf(shape), shape);
    }
  return largest.values();
}

/** Copies texels: whole rows, then the rest of one. */
function copyTexels(
  encoder: GPUCommandEncoder,
  buffer: GPUBuffer,
  texture: GPUTexture,
  texels: number,
  bytes: number,
): void {
  const rows = Math.floor(texels / TEXEL_COLUMNS);
  const bytesPerRow = TEXEL_COLUMNS * bytes;
  if (rows > 0) encoder.copyBufferToTexture({ buffer, bytesPerRow }, { texture }, [TEXEL_COLUMNS, rows]);
  const rest = texels - rows * TEXEL_COLUMNS;
  if (rest > 0)
    encoder.copyBufferToTexture({ buffer, offset: rows * bytesPerRow }, { texture, origin: [0, rows] }, [rest, 1]);
}
