/** Boundaries: the recorded graph is planned and run, and results come back to the host. */

import { causeOf } from '../core/cause.ts';
import { type HostArray, hostView } from '../core/dtype.ts';
import { DisposedError } from '../core/errors.ts';
import { checkFunction } from '../core/options.ts';
import { formatShape, type Shape } from '../core/shape.ts';
import { currentDevice } from '../device/current.ts';
import type { Device } from '../device/device.ts';
import type { KernelTarget, Step } from '../kernels/kernel.ts';
import { bufferId, SharedBuffers } from './buffers.ts';
import type { Group } from './group.ts';
import { graphOptions } from './options.ts';
import { type Layout, layOut, Plan } from './plan.ts';
import { batchScaleOf, type Node, recorder } from './record.ts';
import { keep, scoped, settle, trial } from './scope.ts';
import { checkDevice, free, slotGone, upload } from './storage.ts';
import { tunedTarget, tuningStamp } from './tuning.ts';
import { type Data, materialise, type Value } from './value.ts';

/** Plans kept for replay, and bind groups of all of them together; the plan unused longest goes first. */
const MAX_PLANS = 64;
const MAX_BIND_GROUPS = 16_384;

/** A host input that is needed more often than this moves to the GPU for good. */
const UPLOADS_BEFORE_STAYING = 1;

interface Engine {
  readonly shared: SharedBuffers;
  readonly plans: Map<string, Plan>;
  /** Keys of graphs that were planned for the places of their inputs; see {@link planFor}. */
  readonly placed: Set<string>;
}

const engines = new WeakMap<Device, Engine>();
const uploads = new WeakMap<Data, number>();

function engineOf(device: Device): Engine {
  let engine = engines.get(device);
  if (!engine)
    engines.set(device, (engine = { shared: new SharedBuffers(device), plans: new Map(), placed: new Set() }));
  return engine;
}

recorder.boundary = () => {
  currentDevice().backlog.check();
  flush();
};

slotGone.handler = (device, buffer) => {
  const plans = engines.get(device)?.plans;
  for (const [key, plan] of plans ?? []) {
    if (!plan.slots.has(buffer)) continue;
    plans!.delete(key);
    plan.destroy();
  }
};

interface Survey {
  readonly externals: Data[];
  /** Equal for graphs that one plan can run, but for where their inputs are. */
  readonly key: string;
  /** The buffers of the inputs that are no slots; empty where there are none. */
  readonly places: string;
}

/** Brings everything that the graph reads or updates without computing it to the place where a plan expects it; and the plan's key. */
function survey(device: Device, nodes: readonly Node[]): Survey {
  const externals: Data[] = [];
  const places: number[] = [];
  const names = new Map<Data, string>();
  const keys: string[] = [`${Object.values(graphOptions)} ${tuningStamp(device)}`];
  const nameOf = (data: Data, shape: Shape): string => {
    let name = names.get(data);
    if (name) return name;
    if (data.host !== null) {
      const times = (uploads.get(data) ?? 0) + 1;
      uploads.set(data, times);
      if (data.slot || times > UPLOADS_BEFORE_STAYING) upload(device, data);
    }
    checkDevice(device, data, shape);
    name = `x${externals.push(data)}`;
    names.set(data, name);
    if (data.buffer && !data.slot) places.push(bufferId(data.buffer));
    const place = !data.buffer ? 'host' : data.slot ? `b${bufferId(data.buffer)}` : 'device';
    keys.push(`${name}=${place}${data.slot ? '!' : ''}${data.dtype}${data.count}`);
    return name;
  };
  nodes.forEach((node, n) => {
    const inputs = node.inputs.map((v) => `${nameOf(v.data, v.shape)}:${v.shape.join('x')}`);
    const outputs = node.outputs.map((data, k) => {
      if (node.inPlace) return `>${nameOf(data, 'shape' in node ? node.shape : node.inputs[0]!.shape)}`;
      names.set(data, `n${n}.${k}`);
      return `${data.dtype}${data.kept ? ',kept' : ''}`;
    });
    const attributes =
      'key' in node
        ? `${node.key}*${batchScaleOf(node)}`
        : `${node.wgsl};${node.shape.join('x')};${node.dynamic ? node.scalars.length : node.scalars.join()}`;
    keys.push(`${node.name}{${attributes}}(${inputs.join()})${outputs.join()}`);
  });
  return { externals, key: keys.join('\n'), places: places.join() };
}

/**
 * The plan that runs a graph. Its bindings name buffers, so an input that is somewhere else each time (a running total, one of many
 * batches on the device) would need a new plan each time. The second time a graph comes with other places, it gets a plan that copies
 * such inputs to a place of its own.
 */
function planFor(engine: Engine, device: Device, nodes: readonly Node[], { externals, key, places }: Survey): Plan {
  const exact = `${key}\n@${places}`;
  const known = engine.plans.has(exact) ? exact : key;
  let plan = engine.plans.get(known);
  if (plan) engine.plans.delete(known);
  const copies = places !== '' && engine.placed.has(key);
  if (engine.placed.size > 4 * MAX_PLANS) engine.placed.clear();
  engine.placed.add(key);
  const isNew = !plan;
  plan ??= new Plan(device, engine.shared, nodes, externals, { ...graphOptions, copies });
  engine.plans.set(plan.copies ? key : exact, plan);
  if (isNew) makeRoom(engine.plans);
  return plan;
}

/** Drops the plans that were unused longest, but never the one that is next. */
function makeRoom(plans: Map<string, Plan>): void {
  let bindGroups = 0;
  for (const plan of plans.values()) bindGroups += plan.bindGroups;
  for (const [key, plan] of plans) {
    if (plans.size === 1 || (plans.size <= MAX_PLANS && bindGroups <= MAX_BIND_GROUPS)) return;
    bindGroups -= plan.bindGroups;
    plans.delete(key);
    plan.destroy();
  }
}

/** Runs everything recorded. Returns without waiting for the GPU. */
export function flush(): void {
  const { nodes } = recorder;
  recorder.updated = false;
  if (!nodes.length) return;
  recorder.nodes = [];
  const device = currentDevice();
  const engine = engineOf(device);
  try {
    const found = survey(device, nodes);
    planFor(engine, device, nodes, found).run(nodes, found.externals);
    settle(nodes);
  } catch (error) {
    settle(nodes, `the run that computes it was refused: ${causeOf(error)}.`);
    throw error;
  } finally {
    for (const data of recorder.disposed.splice(0)) free(device, data, data.freed!);
  }
}

/** Memory and kernels of a computation: the result of {@link explain}. */
export interface Explanation {
  /** Bytes on the device while it runs: parameters, inputs, results and everything in between. */
  readonly peakBytes: number;
  /** The tensors alive at once, at their worst: no plan could need less. */
  readonly lowerBoundBytes: number;
  /** Names of the kernels, in the order they would run. */
  readonly kernels: readonly string[];
}

/**
 * Plans the computation that `fn` records, without running it: memory and kernels are known before the first dispatch.
 * @param fn Synchronous: the computation to plan, as it would stand in `step`.
 * @example
 * console.log(String(explain(() => noGrad(() => model.forward(images)))));
 */
export function explain(fn: () => unknown): Explanation {
  checkFunction('explain', 'what it plans', fn, 'explain(() => model.forward(images))');
  const { lowered, hoisted, peakBytes, lowerBoundBytes } = plan(fn, tunedTarget(currentDevice()));
  const kernels = lowered.filter((l) => !hoisted.has(l.group)).flatMap((l) => l.steps.map((s) => s.name));
  return { peakBytes, lowerBoundBytes, kernels };
}

/** The groups of what `fn` records, as the open adapter runs them; they can be lowered in any tiles. */
export function plannedGroups(fn: () => unknown): Group[] {
  return plan(fn, tunedTarget(currentDevice())).lowered.map((l) => l.group);
}

/** The steps of what `fn` records, as they would be for an adapter of the given kind. For tests and tools. */
export function plannedSteps(fn: () => unknown, target: KernelTarget): Step[] {
  return plan(fn, target).lowered.flatMap((l) => l.steps);
}

function plan(fn: () => unknown, target: KernelTarget): Layout {
  flush();
  const device = currentDevice();
  return trial(fn, (result, nodes) => {
    keep(result);
    return layOut({ info: device.info, target }, nodes, survey(device, nodes).externals, graphOptions);
  });
}

/** Runs `fn`, then everything it recorded; what it does not return is freed. Nested calls belong to the outermost one. */
export function runScope<T>(fn: () => T): T {
  if (recorder.scopes === 0 && recorder.depth === 0) recorder.boundary();
  return scoped(fn, (result) => {
    for (const node of recorder.nodes) for (const data of node.outputs) data.saves = 0;
    keep(result);
    flush();
  });
}

/** The elements of a value as they are kept (float16: its bits), row-major. Runs what was recorded. */
export async function readBack(value: Value): Promise<HostArray> {
  flush();
  const { data } = value;
  if (data.freed) throw new DisposedError(`tensor ${formatShape(value.shape)}: it was freed: ${data.freed}`);
  if (data.host !== null) return materialise(data).slice();
  const device = currentDevice();
  checkDevice(device, data, value.shape);
  const bytes = await device.readback.read(data.buffer!, 0, data.bytes);
  const host = hostView(data.dtype, bytes, data.count);
  // A small result stays on the host, so that the plan may reuse its buffer at once.
  if (data.lender && data.bytes <= 65536) {
    free(device, data, '');
    data.freed = null;
    data.host = host;
    return host.slice();
  }
  return host;
}

/** Gives the storage of a value back. */
export function dispose(value: Value, why = 'dispose() was called on it.'): void {
  const { data } = value;
  data.visible = false;
  if (data.pending) return;
  data.freed = why;
  if (recorder.nodes.length) recorder.disposed.push(data);
  else free(currentDevice(), data, why);
}
