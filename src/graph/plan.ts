/**
 * Planning, last part: a graph turned into dispatches over fixed buffers. A plan is built once for a graph of given
 * structure and replayed: uploads, changed scalars, one encoder, one pass, one submit.
 */
import { requireFloat16 } from '../device/adapter.ts';
import type { Device } from '../device/device.ts';
import { texelBytes } from '../device/texture-pool.ts';
import type { KernelTarget, Operand } from '../kernels/kernel.ts';
import { checkBindings } from './bindings.ts';
import { bindingBytes, bufferId, type Derived, type SharedBuffers } from './buffers.ts';
import { choose } from './choose.ts';
import { Commands } from './commands.ts';
import { fuse } from './fuse.ts';
import type { Group } from './group.ts';
import { bindingsOf, bytesOf, dataOf, type Lowered, lower } from './lower.ts';
import { assignBuffers, type Interval } from './memory.ts';
import { updatesFirst } from './order.ts';
import type { Node } from './record.ts';
import { largestCopies, Sequence } from './sequence.ts';
import { own, writeElements } from './storage.ts';
import { tunedTarget } from './tuning.ts';
import { type Data, type LentBuffer, materialise, NOT_KEPT } from './value.ts';

export interface PlanOptions {
  readonly fusion: boolean;
  readonly hoisting: boolean;
  /** Inputs on the device that are no slots are copied to the plan's own place for them: they may be elsewhere each time. */
  readonly copies?: boolean;
}

/** Places and lifetimes of the results. */
export interface Layout {
  readonly lowered: readonly Lowered[];
  /** Groups that run once, not in every step: everything they read is a slot that this plan does not write. */
  readonly hoisted: ReadonlySet<Group>;
  readonly transient: readonly Data[];
  readonly sizes: readonly number[];
  readonly assigned: readonly number[];
  readonly peakBytes: number;
  readonly lowerBoundBytes: number;
}

const sum = (values: Iterable<Data>): number => {
  let bytes = 0;
  for (const d of values) bytes += bindingBytes(d.bytes);
  return bytes;
};

/** Fuses, hoists and lays out a graph; touches no GPU. */
export function layOut(
  device: { readonly info: Device['info']; readonly target: KernelTarget },
  nodes: readonly Node[],
  externals: readonly Data[],
  { fusion, hoisting, copies = false }: PlanOptions,
): Layout {
  if ([...externals, ...nodes.flatMap((n) => n.outputs)].some((d) => d.dtype === 'float16'))
    requireFloat16('graph', device.info);
  const maxBindings = device.info.limits.maxStorageBuffersPerShaderStage!;
  const limits = { maxBindings, bindingsOf: ({ bytes }: Data) => bindingsOf(bytes, device.target) };
  const groups = updatesFirst(fuse(choose(nodes, device.target), { ...limits, enabled: fusion }));
  const written = new Set(groups.filter((g) => g.inPlace).flatMap((g) => g.writes));
  const constants = new Set(externals.filter((d) => d.slot && !written.has(d)));
  const hoisted = new Set<Group>();
  for (const group of groups) {
    if (
      !hoisting ||
      group.inPlace ||
      group.dynamic ||
      group.writes.some((d) => d.kept) ||
      !group.reads.every((d) => constants.has(d))
    )
      continue;
    hoisted.add(group);
    for (const d of group.writes) constants.add(d);
  }
  const lowered = groups.map((group) => lower(group, device.target));

  const body = lowered.filter((l) => !hoisted.has(l.group));
  const first = new Map<Data, number>();
  const last = new Map<Data, number>();
  for (const d of externals) if (d.buffer === null || (copies && !d.slot)) first.set(d, -1);
  body.forEach(({ group }, at) => {
    if (!group.inPlace) for (const d of group.writes) if (!d.kept) first.set(d, at);
    for (const d of [...group.reads, ...group.writes]) last.set(d, at);
  });
  const transient = [...first.keys()].filter((d) => last.has(d));
  const intervals: Interval[] = transient.map((d) => ({
    bytes: bindingBytes(d.bytes),
    first: first.get(d)!,
    last: last.get(d)!,
  }));
  body.forEach(({ temps }, at) => {
    for (const bytes of temps) intervals.push({ bytes: bindingBytes(bytes), first: at, last: at });
  });
  const { sizes, buffer, lowerBound } = assignBuffers(intervals);
  const keptOutputs = body.flatMap((l) => (l.group.inPlace ? [] : l.group.writes.filter((d) => d.kept)));
  const derived = [...hoisted].flatMap((g) => g.writes);
  const fixed = sum(keptOutputs) + sum(derived) + sum(externals.filter((d) => d.buffer !== null));
  const sized = lowered.map((l) => ({ steps: l.steps, bytesOf: (o: Operand) => bytesOf(l, o) }));
  const copied = [...largestCopies(sized)].reduce((n, { format, texels }) => n + texels * texelBytes(format), 0);
  const peakBytes = fixed + copied + sizes.reduce((n, s) => n + s, 0);
  return { lowered, hoisted, transient, sizes, assigned: buffer, peakBytes, lowerBoundBytes: fixed + lowerBound };
}

export class Plan {
  readonly #device: Device;
  readonly #shared: SharedBuffers;
  readonly #sequence: Sequence;
  readonly #derived: { derived: Derived; slots: readonly number[]; from: readonly Derived[] }[] = [];
  readonly #uploads: { external: number; buffer: GPUBuffer }[] = [];
  readonly #copies: { external: number; buffer: GPUBuffer }[] = [];
  readonly #outputs: { node: number; output: number; lent: LentBuffer; bytes: number }[] = [];
  /** Bytes on the device while the plan runs: everything it reads, writes and keeps in between. */
  readonly peakBytes: number;
  /** True if it runs wherever its inputs are. */
  readonly copies: boolean;
  /** Buffers of the slots that it reads or updates. */
  readonly slots: ReadonlySet<GPUBuffer>;

  /** @param externals every datum that the graph reads or updates and does not compute itself. */
  constructor(
    device: Device,
    shared: SharedBuffers,
    nodes: readonly Node[],
    externals: readonly Data[],
    options: PlanOptions,
  ) {
    this.#device = device;
    this.#shared = shared;
    const { lowered, hoisted, transient, sizes, assigned, peakBytes } = layOut(
      { info: device.info, target: tunedTarget(device) },
      nodes,
      externals,
      options,
    );
    checkBindings(device, lowered);
    this.peakBytes = peakBytes;
    this.copies = options.copies ?? false;
    this.slots = new Set(externals.filter((d) => d.slot).map((d) => d.buffer!));
    const place = new Map<Data, GPUBuffer>();
    const scratch = shared.scratch(sizes);
    transient.forEach((d, k) => {
      place.set(d, scratch[assigned[k]!]!);
    });
    externals.forEach((d, external) => {
      const own = place.get(d);
      if (d.buffer && own) this.#copies.push({ external, buffer: own });
      else if (d.buffer) place.set(d, d.buffer);
      else if (own) this.#uploads.push({ external, buffer: own });
    });
    const computed = new Set(lowered.flatMap((l) => l.group.writes));
    nodes.forEach((node, n) => {
      node.outputs.forEach((d, output) => {
        if (node.inPlace || !d.kept || !computed.has(d)) return;
        const bytes = bindingBytes(d.bytes);
        const lent = { buffer: device.pool.acquire(bytes), owner: null };
        place.set(d, lent.buffer);
        this.#outputs.push({ node: n, output, lent, bytes });
      });
    });
    const bindings = (l: Lowered, tempBuffers: readonly GPUBuffer[]) => {
      return (o: Operand): GPUBufferBinding => {
        const data = dataOf(l.group, o);
        const { offset, size } = o.range ?? { offset: 0, size: bytesOf(l, o) };
        return { buffer: data ? place.get(data)! : tempBuffers[o.index]!, offset, size };
      };
    };
    const origin = new Map<Data, Derived>();
    const scalars = scalarsOf(nodes);
    for (const l of lowered) {
      if (!hoisted.has(l.group)) continue;
      const { reads, writes, key } = l.group;
      const names = reads.map((d) => origin.get(d)?.key ?? bufferId(d.buffer!));
      const counts = writes.map((d) => d.count);
      const derived = shared.derived(
        `${key}/${counts.join()}(${names.join()})`,
        writes.map((d) => d.bytes),
        l.temps,
      );
      writes.forEach((d, k) => {
        origin.set(d, derived);
        place.set(d, derived.buffers[k]!);
      });
      derived.sequence ??= new Sequence(device, [{ steps: l.steps, bufferOf: bindings(l, derived.temps) }], scalars);
      const slots = reads.filter((d) => !origin.has(d)).map((d) => externals.indexOf(d));
      const from = reads.flatMap((d) => origin.get(d) ?? []);
      this.#derived.push({ derived, slots, from });
    }
    let temp = transient.length;
    const body = lowered.filter((l) => !hoisted.has(l.group));
    const placed = body.map((l) => ({
      steps: l.steps,
      bufferOf: bindings(
        l,
        l.temps.map(() => scratch[assigned[temp++]!]!),
      ),
    }));
    this.#sequence = new Sequence(device, placed, scalars);
  }

  /** The number of bind groups that it holds. */
  get bindGroups(): number {
    return this.#sequence.bindGroups;
  }

  /** Kernel names in the order they run. */
  get kernels(): string[] {
    return this.#sequence.dispatches.map((d) => d.name);
  }

  /** Runs the plan for a graph of the same structure: its host inputs are uploaded, its kept outputs get their buffers. */
  run(nodes: readonly Node[], externals: readonly Data[]): void {
    const device = this.#device;
    this.#sequence.writeScalars(scalarsOf(nodes));
    let uploaded = 0;
    for (const { external, buffer } of this.#uploads) {
      const data = externals[external]!;
      writeElements(device, buffer, materialise(data));
      uploaded += data.bytes;
    }
    device.backlog.run(uploaded);
    const commands = new Commands(device);
    for (const { external, buffer } of this.#copies) {
      const data = externals[external]!;
      commands.copying().copyBufferToBuffer(data.buffer!, 0, buffer, 0, bindingBytes(data.bytes));
    }
    for (const { lent, bytes } of this.#outputs) preserve(device, commands.copying(), lent, bytes);
    for (const { derived, slots, from } of this.#derived) {
      const versions = `${slots.map((s) => externals[s]!.version)}|${from.map((f) => f.stamp)}`;
      if (derived.seen === versions) continue;
      derived.seen = versions;
      derived.stamp++;
      derived.sequence!.encode(commands);
    }
    this.#sequence.encode(commands);
    commands.submit();
    for (const { node, output, lent } of this.#outputs) {
      const data = nodes[node]!.outputs[output]!;
      data.buffer = lent.buffer;
      data.lender = lent;
      lent.owner = new WeakRef(data);
    }
  }

  /** Gives the plan's own buffers back; outputs that somebody still holds keep theirs. */
  destroy(): void {
    for (const { lent } of this.#outputs) {
      const data = lent.owner?.deref();
      if (data?.lender === lent) own(this.#device, data, lent.buffer);
      else this.#device.pool.release(lent.buffer);
    }
    for (const { derived } of this.#derived) this.#shared.release(derived);
    this.#sequence.destroy();
  }
}

function scalarsOf(nodes: readonly Node[]): number[] {
  const scalars: number[] = [];
  for (const node of nodes) if ('scalars' in node) scalars.push(...node.scalars);
  return scalars;
}

/** Moves a lent buffer's contents to a buffer of their own if somebody can still read them. */
function preserve(device: Device, encoder: GPUCommandEncoder, lent: LentBuffer, bytes: number): void {
  const data = lent.owner?.deref();
  lent.owner = null;
  if (data?.lender !== lent) return;
  if (data.freed || !(data.kept || data.slot)) {
    data.freed ??= NOT_KEPT;
    data.buffer = null;
    data.lender = null;
    return;
  }
  const buffer = device.pool.acquire(bytes);
  device.backlog.kept(bytes);
  encoder.copyBufferToBuffer(lent.buffer, 0, buffer, 0, bytes);
  own(device, data, buffer);
}
