/** What an adapter is: its names, whether it is software, and what kernels need to know of it. */

import { DeviceError } from '../core/errors.ts';

/**
 * Which adapter to open: 'auto' (a real GPU, else a software one), 'gpu' (only a real GPU), 'lavapipe', 'swiftshader', 'wgpu' (Deno's own
 * WebGPU instead of Dawn), or part of an adapter's name.
 */
export type AdapterChoice = 'auto' | 'gpu' | 'lavapipe' | 'swiftshader' | 'wgpu' | (string & {});

/** A WebGPU entry point and the adapter it gave. */
export interface OpenedAdapter {
  readonly gpu: GPU;
  readonly adapter: GPUAdapter;
  /** For people, where it differs from {@link adapterName}. */
  readonly name?: string;
  /** Memory that a software adapter shares with everything else; absent where the adapter has its own or it is unknown. */
  readonly memoryBytes?: number;
}

/** One line of `doctor`: an adapter that was found, or a way to one that failed. */
export interface AdapterReport {
  readonly name: string;
  /** Where it was looked for: 'system', 'Deno', '@sparticuz/chromium' or 'browser'. */
  readonly source: string;
  readonly software: boolean;
  readonly status: 'chosen' | 'available' | 'refused' | 'missing';
  /** Why it was refused or is missing; empty otherwise. */
  readonly reason: string;
}

/** The device's names and abilities, for messages, reports and benchmarks. */
export interface DeviceInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** A rasteriser that runs on the CPU. */
  readonly software: boolean;
  /** Optional features that are on: 'subgroups', 'shader-f16', 'timestamp-query', 'chromium-experimental-subgroup-matrix'. */
  readonly features: readonly string[];
  /** WebGPU's limits by name. */
  readonly limits: Readonly<Record<string, number>>;
}

/** Fragments that a subgroup multiplies at once: M x K by K x N of this component, summed in f32. */
export interface MatrixConfig {
  readonly component: 'f16' | 'f32';
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** What kernels choose by; see `KernelTarget` in the kernels layer, which has the same fields. */
export interface DeviceTarget {
  readonly subgroupSize: number;
  readonly software: boolean;
  readonly maxWorkgroupsPerDimension: number;
  readonly maxWorkgroupStorageBytes: number;
  readonly maxInvocationsPerWorkgroup: number;
  readonly maxBindingBytes: number;
  readonly texels: boolean;
  readonly immediateBytes: number;
  readonly matrices: readonly MatrixConfig[];
  readonly maxSubgroupSize: number;
  readonly adapter: string;
}

/** Tensor cores and their like. No part of WebGPU yet: browsers want a flag for it, Dawn a toggle. */
const SUBGROUP_MATRIX = 'chromium-experimental-subgroup-matrix' as GPUFeatureName;

/** Features that are asked for where the adapter has them. */
export const wantedFeatures: readonly GPUFeatureName[] = [
  'subgroups',
  'shader-f16',
  'timestamp-query',
  SUBGROUP_MATRIX,
];

/** Whether kernels can load and store 16-bit floats. */
export const hasFloat16 = ({ features }: Pick<DeviceInfo, 'features'>): boolean => features.includes('shader-f16');

/** @throws DeviceError where the adapter has no 16-bit floats; `what` wanted them. */
export function requireFloat16(what: string, info: Pick<DeviceInfo, 'features' | 'description'>): void {
  if (hasFloat16(info)) return;
  throw new DeviceError(
    `${what}: this adapter (${info.description}) has no 16-bit floats (shader-f16). Keep to float32, or take another adapter.`,
  );
}

/** Whether an adapter computes on the CPU: lavapipe, SwiftShader, WARP. */
export function isSoftware(info: GPUAdapterInfo): boolean {
  const text = `${info.architecture} ${info.device} ${info.description}`;
  return info.isFallbackAdapter === true || /llvmpipe|lavapipe|swiftshader|basic render|\bsoftware\b/i.test(text);
}

/** The adapter's name for people: its description, else its device, else vendor and architecture, else `unnamed`. */
export function adapterName(info: GPUAdapterInfo, unnamed = 'unnamed adapter'): string {
  return info.description || info.device || `${info.vendor} ${info.architecture}`.trim() || unnamed;
}

/** Why an adapter must not be used, or undefined: lavapipe before Mesa 24 miscompiles or refuses Dawn's shaders. */
export function refusalOf(info: GPUAdapterInfo): string | undefined {
  const text = `${info.device} ${info.description}`;
  if (!/llvmpipe|lavapipe/i.test(text)) return undefined;
  const mesa = /Mesa (\d+)\.(\d+)/.exec(text);
  if (!mesa || Number(mesa[1]) >= 24) return undefined;
  return (
    `lavapipe of Mesa ${mesa[1]}.${mesa[2]} is too old, 24 or newer is needed ` +
    '(Debian 12: mesa-vulkan-drivers from bookworm-backports)'
  );
}

/** Whether `choice`, which is part of a name, means this adapter. */
export function matchesName(info: GPUAdapterInfo, choice: string): boolean {
  const text = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`;
  return text.toLowerCase().includes(choice.toLowerCase());
}

/** All limits of an adapter, by name. */
export function limitsOf(limits: GPUSupportedLimits): Record<string, number> {
  const all: Record<string, number> = {};
  for (const key in limits) {
    const value: unknown = limits[key as keyof GPUSupportedLimits];
    if (typeof value === 'number') all[key] = value;
  }
  return all;
}

/** As an adapter lists them. */
interface ListedConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** The matrices that kernels can use: of floats, summed in f32. They tell subgroups apart by `subgroup_id`. */
function matricesOf(gpu: GPU, device: GPUDevice, info: GPUAdapterInfo): MatrixConfig[] {
  if (!device.features.has(SUBGROUP_MATRIX) || !gpu.wgslLanguageFeatures.has('subgroup_id')) return [];
  const { subgroupMatrixConfigs = [] } = info as { subgroupMatrixConfigs?: readonly ListedConfig[] };
  return [...subgroupMatrixConfigs].flatMap(({ componentType: component, resultComponentType, M, N, K }) => {
    const isFloat = component === 'f32' || (component === 'f16' && device.features.has('shader-f16'));
    return isFloat && resultComponentType === 'f32' ? [{ component, M, N, K }] : [];
  });
}

/** What kernels need to know, from the device that was opened on an adapter with this `info`. */
export function targetOf(gpu: GPU, device: GPUDevice, info: GPUAdapterInfo): DeviceTarget {
  const { limits } = device;
  const adapter = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`.trim();
  const fixed = device.features.has('subgroups') && info.subgroupMinSize === info.subgroupMaxSize;
  return {
    subgroupSize: fixed ? (info.subgroupMinSize ?? 0) : 0,
    software: isSoftware(info),
    maxWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    maxWorkgroupStorageBytes: limits.maxComputeWorkgroupStorageSize,
    maxInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
    maxBindingBytes: limits.maxStorageBufferBindingSize,
    // There a load from a buffer is a loop over the lanes with two branches each, and one from a texture a gather.
    texels:
      /llvmpipe|lavapipe/i.test(adapter) && gpu.wgslLanguageFeatures.has('readonly_and_readwrite_storage_textures'),
    immediateBytes: gpu.wgslLanguageFeatures.has('immediate_address_space') ? (limits.maxImmediateSize ?? 0) : 0,
    matrices: matricesOf(gpu, device, info),
    maxSubgroupSize: info.subgroupMaxSize ?? 0,
    adapter,
  };
}
