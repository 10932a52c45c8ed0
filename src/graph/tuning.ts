/** The tuned tiles of an adapter. `tune()` (tune.ts) measures and notes them; opening the device reads the note. */
import type { Device } from '../device/device.ts';
import type { Tile } from '../kernels/gemm/shape.ts';
import { classOf, isTile } from '../kernels/gemm/tiles.ts';
import type { KernelTarget } from '../kernels/kernel.ts';
import { graphOptions } from './options.ts';

/** Class of a product (`classOf`) to its fastest tile. */
export type Tiles = Readonly<Record<string, Tile>>;

interface Tuned {
  readonly note: string | undefined;
  readonly target: KernelTarget;
  /** Number of the note: plans are made for one. */
  readonly stamp: number;
}

const tuned = new WeakMap<Device, Tuned>();

function tunedFor(device: Device): Tuned {
  const known = tuned.get(device);
  if (known && known.note === device.tuning) return known;
  const tiles = tilesOf(device);
  const target: KernelTarget = { ...device.target, tileFor: (product) => tiles[classOf(product)] };
  const made = { note: device.tuning, target, stamp: (known?.stamp ?? 0) + 1 };
  tuned.set(device, made);
  return made;
}

/** The device's target with the tiles that its note has, and without the features that are switched off. */
export function tunedTarget(device: Device): KernelTarget {
  const target: KernelTarget = graphOptions.tuning ? tunedFor(device).target : device.target;
  const without: Partial<KernelTarget> = {
    ...(!graphOptions.winograd && { winograd: false }),
    ...(!graphOptions.texels && { texels: false }),
    ...(!graphOptions.immediates && { immediateBytes: 0 }),
  };
  return { ...target, ...without };
}

/** The part of a plan's key that stands for the tiles that it was made with. */
export const tuningStamp = (device: Device): number => tunedFor(device).stamp;

/** The tiles of a note; entries that this adapter cannot run, of another version perhaps, are left out. */
export function tilesOf(device: Device): Tiles {
  const noted: unknown = device.tuning === undefined ? undefined : parsed(device.tuning);
  const tiles = (noted as { tiles?: unknown } | undefined)?.tiles;
  if (tiles === null || typeof tiles !== 'object') return {};
  return Object.fromEntries(Object.entries(tiles).filter(([, tile]) => isTile(tile, device.target)));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
