/**
 * `#gpu` in Node, Bun and Deno: Dawn on a real GPU or a software Vulkan of the system, Deno's own WebGPU, Dawn on SwiftShader from npm, in
 * this order.
 */
import { tmpdir, totalmem } from 'node:os';
import { causeOf } from '../core/cause.ts';
import { DeviceError } from '../core/errors.ts';
import {
  type AdapterChoice,
  type AdapterReport,
  adapterName,
  isSoftware,
  matchesName,
  type OpenedAdapter,
  refusalOf,
} from './adapter.ts';
import { quietly } from './quiet-node.ts';
import { loadLibrary, ownGPU, runtimeName, setEnvironment } from './runtime-node.ts';
import { loadSwiftshader, swiftshaderPackage, vulkanLoader } from './swiftshader-node.ts';

export { quietly } from './quiet-node.ts';

const THREE_WAYS =
  'Three ways to get one: the driver of a real GPU; Mesa 24 or newer (Debian 12: mesa-vulkan-drivers from ' +
  `bookworm-backports); or SwiftShader, npm install ${swiftshaderPackage}@138.`;
const REQUEST: GPURequestAdapterOptions = { powerPreference: 'high-performance' };

// Dawn lives as long as the object that made it; one per choice and process.
const opened = new Map<string, Promise<GPU>>();

/**
 * Dawn, or Deno's own WebGPU, on the adapter that `choice` (default: the environment's REGRAFT_ADAPTER, else 'auto') means. Sets WebGPU's
 * globals.
 * @throws DeviceError if there is none, in one line that says how to get one.
 */
export function openGPU(choice: AdapterChoice = defaultChoice()): Promise<GPU> {
  const known = opened.get(choice);
  if (known) return known;
  const gpu = find(choice);
  opened.set(choice, gpu);
  gpu.catch(() => opened.delete(choice));
  return gpu;
}

/** {@link openGPU}, and a fresh adapter of it. @throws DeviceError if there is none. */
export async function openAdapter(choice?: AdapterChoice): Promise<OpenedAdapter> {
  const gpu = await openGPU(choice);
  const adapter = await quietly(() => gpu.requestAdapter(REQUEST));
  if (!adapter) throw new DeviceError(`init: the adapter is no longer there. ${THREE_WAYS}`);
  return isSoftware(adapter.info) ? { gpu, adapter, memoryBytes: memoryBytes() } : { gpu, adapter };
}

/** Every adapter that can be found, in order of choice, and why the others are not used. For `doctor`. */
export async function listAdapters(choice: AdapterChoice = defaultChoice()): Promise<AdapterReport[]> {
  const reports: AdapterReport[] = [];
  for await (const { report } of search(choice, true)) {
    const taken = report.status === 'chosen' && reports.some(({ status }) => status === 'chosen');
    reports.push(taken ? { ...report, status: 'available' } : report);
  }
  return reports;
}

/** The machine's memory, or the container's share of it. */
function memoryBytes(): number {
  const share = process.constrainedMemory?.() || Number.POSITIVE_INFINITY;
  return Math.min(totalmem(), share);
}

/** Whether what earlier tuning found is used; not on CI machines, and not with REGRAFT_TUNING=off. */
export function usesTuning(): boolean {
  return !process.env.CI && process.env.REGRAFT_TUNING !== 'off';
}

/** The adapter that is opened where none is named. */
export function defaultChoice(): AdapterChoice {
  return process.env.REGRAFT_ADAPTER || 'auto';
}

async function find(choice: AdapterChoice): Promise<GPU> {
  const passed: string[] = [];
  for await (const { report, gpu } of search(choice, false)) {
    if (gpu && report.status === 'chosen') return gpu;
    passed.push(`${report.name}: ${report.reason}`);
  }
  if (choice === 'auto') throw new DeviceError(`init: found no GPU adapter (${passed.join('; ')}). ${THREE_WAYS}`);
  throw new DeviceError(`init: found no adapter '${choice}' (${passed.join('; ')}). ${await othersThan(choice)}`);
}

/** What can be asked for instead of `choice`. */
async function othersThan(choice: AdapterChoice): Promise<string> {
  const usable = (await listAdapters('auto')).filter(({ status }) => status === 'chosen' || status === 'available');
  if (usable.length === 0) return THREE_WAYS;
  const names = usable.map(({ name }) => `'${name}'`).join(', ');
  return `There ${usable.length === 1 ? 'is' : 'are'} ${names}: instead of '${choice}' name a part of that as --adapter, REGRAFT_ADAPTER or init({ adapter }), or 'auto' for the best.`;
}

/** An adapter, or a way to one that failed, with what it was reached through. */
interface Attempt {
  readonly report: AdapterReport;
  readonly gpu?: GPU;
}

/** The attempts in order of choice; each that fits is reported as 'chosen'. `all` looks where no adapter can fit, too. */
async function* search(choice: AdapterChoice, all: boolean): AsyncGenerator<Attempt> {
  const swiftshader = /swiftshader/i.test(choice);
  // Who asks for SwiftShader by name gets the one from npm: its version is known.
  if (swiftshader) yield await searchPackage(choice);
  if (choice !== 'wgpu' || all) yield* searchSystem(choice, all);
  if (choice === 'wgpu' || ownGPU) yield await searchRuntime(choice);
  if (!swiftshader && (all || choice === 'auto')) yield await searchPackage(choice);
}

type CreateDawn = (flags: string[]) => GPU;

/**
 * With the toggles of the environment's REGRAFT_DAWN_FEATURES, separated by commas: `allow_unsafe_apis` for experimental features.
 * @throws DeviceError with the reason, if it cannot be loaded.
 */
async function loadDawn(): Promise<CreateDawn> {
  try {
    const { create, globals } = await import('webgpu');
    Object.assign(globalThis, globals);
    const toggles = process.env.REGRAFT_DAWN_FEATURES;
    return toggles ? (flags) => create([...flags, `enable-dawn-features=${toggles}`]) : create;
  } catch (error) {
    throw new DeviceError(`Dawn, the npm package webgpu, cannot be loaded: ${causeOf(error).split('\n', 1)[0]}`);
  }
}

async function* searchSystem(choice: AdapterChoice, all: boolean): AsyncGenerator<Attempt> {
  let create: CreateDawn;
  try {
    create = await loadDawn();
  } catch (error) {
    yield { report: missing('system', 'system', causeOf(error)) };
    return;
  }
  try {
    // Dawn would find out by itself, but prints two lines of warning about it.
    if (process.platform === 'linux') loadLibrary(vulkanLoader);
  } catch (error) {
    yield { report: missing('system', 'system', `no Vulkan: ${causeOf(error)}`) };
    return;
  }
  const attempts = (flags: string[]) => request(create, flags, choice, 'system');
  const first = await attempts([]);
  yield first;
  // Dawn sorts real GPUs before software, so where the first does not fit 'gpu', none does.
  if (!first.gpu || (!all && choice === 'gpu')) return;
  for (const name of await systemNames(create)) {
    const attempt = await attempts([`adapter=${name}`]);
    if (attempt.report.name !== first.report.name) yield attempt;
  }
}

/** The names by which Dawn picks adapters; it tells them when asked for one that does not exist. */
async function systemNames(create: CreateDawn): Promise<string[]> {
  const error = await withEnvironment({}, () => create(['adapter=?']).requestAdapter(REQUEST)).catch((e: Error) => e);
  const text = error instanceof Error ? error.message : '';
  return [...new Set([...text.matchAll(/name: '(.*)'$/gm)].map((match) => match[1]!))];
}

async function searchPackage(choice: AdapterChoice): Promise<Attempt> {
  try {
    const create = await loadDawn();
    const icd = await loadSwiftshader();
    return await request(create, [], choice, swiftshaderPackage, { VK_DRIVER_FILES: icd, VK_ICD_FILENAMES: icd });
  } catch (error) {
    return { report: missing('SwiftShader', swiftshaderPackage, causeOf(error).replace(/\.$/, '')) };
  }
}

/** Deno's own WebGPU, by the name of what it is. */
async function searchRuntime(choice: AdapterChoice): Promise<Attempt> {
  if (!ownGPU) return { report: missing('wgpu', 'Deno', `is Deno’s own WebGPU, this is ${runtimeName()}`) };
  return judge(ownGPU, choice === 'wgpu' ? 'auto' : choice, 'Deno');
}

/** Asks a new Dawn for an adapter and judges it. */
async function request(
  create: CreateDawn,
  flags: string[],
  choice: AdapterChoice,
  source: string,
  environment: Record<string, string> = {},
): Promise<Attempt> {
  return judge(create(flags), choice, source, environment);
}

async function judge(
  gpu: GPU,
  choice: AdapterChoice,
  source: string,
  environment: Record<string, string> = {},
): Promise<Attempt> {
  let adapter: GPUAdapter | null;
  try {
    adapter = await withEnvironment(environment, () => gpu.requestAdapter(REQUEST));
  } catch (error) {
    return { report: missing(source, source, causeOf(error).split('\n', 1)[0]!) };
  }
  if (!adapter) return { report: missing(source, source, 'no GPU driver for Vulkan, Metal or Direct3D 12') };
  const { info } = adapter;
  const found = { name: adapterName(info), source, software: isSoftware(info) };
  const refusal = refusalOf(info) ?? misfitOf(info, choice);
  if (refusal) return { gpu, report: { ...found, status: 'refused', reason: refusal } };
  return { gpu, report: { ...found, status: 'chosen', reason: '' } };
}

function misfitOf(info: GPUAdapterInfo, choice: AdapterChoice): string | undefined {
  if (choice === 'auto') return undefined;
  if (choice === 'gpu') return isSoftware(info) ? 'software, but a real GPU was asked for' : undefined;
  return matchesName(info, choice === 'lavapipe' ? 'llvmpipe' : choice) ? undefined : `is not '${choice}'`;
}

function missing(name: string, source: string, reason: string): AdapterReport {
  return { name, source, software: name === 'SwiftShader', status: 'missing', reason };
}

/**
 * Runs `ask` with the environment that Vulkan reads while Dawn looks for adapters, and restores it: a child process
 * must not inherit it. Mesa complains where XDG_RUNTIME_DIR is not set, and of drivers that are not certified.
 */
async function withEnvironment<T>(variables: Record<string, string>, ask: () => Promise<T>): Promise<T> {
  const all = {
    MESA_VK_IGNORE_CONFORMANCE_WARNING: 'true',
    XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR || tmpdir(),
    ...variables,
  };
  const before = Object.fromEntries(Object.keys(all).map((name) => [name, process.env[name]]));
  await setEnvironment(all);
  try {
    return await quietly(ask);
  } finally {
    await setEnvironment(before);
  }
}

const sleeping = new Int32Array(new SharedArrayBuffer(4));
let waiting = 0;
/** When the present wait began. */
let began = 0;
/** Whether a turn is due: there is never more than one, however often waits begin and end in between. */
let turning = false;

function turn(): void {
  turning = waiting > 0;
  if (!turning) return;
  const pause = Math.min(1, (performance.now() - began) / 20);
  if (pause > 0.1) Atomics.wait(sleeping, 0, 0, pause);
  setImmediate(turn);
}

/**
 * Dawn asks for the GPU's progress on every turn of the event loop, and turns it as fast as it can while something is
 * pending: a core that a software adapter needs for the work itself. Between two turns this sleeps, for a twentieth of
 * what was waited so far and at most a millisecond, so that short waits stay exact.
 * @returns what to call when the wait is over.
 */
export function waitPatiently(): () => void {
  waiting++;
  began = performance.now();
  if (!turning) setImmediate(turn);
  turning = true;
  return () => {
    waiting--;
  };
}
