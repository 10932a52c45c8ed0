/** What differs between Node, Bun and Deno, which all run what is for Node. */
import { constants } from 'node:os';
import { causeOf } from '../core/cause.ts';
import { DeviceError } from '../core/errors.ts';

interface Deno {
  dlopen(path: string, symbols: object): unknown;
}

/** The part of `bun:ffi` that is used here. */
interface BunFFI {
  dlopen(
    path: string,
    symbols: object,
  ): { symbols: { setenv(name: Buffer, value: Buffer, overwrite: 1): number; unsetenv(name: Buffer): number } };
}

const { Deno: deno } = globalThis as { Deno?: Deno };

/** `Node 20.20.2`, `Bun 1.4.5` or `Deno 2.9.6`. */
export function runtimeName(): string {
  const { bun, deno, node } = process.versions;
  if (bun) return `Bun ${bun}`;
  return deno ? `Deno ${deno}` : `Node ${node}`;
}

/** The runtime's own WebGPU: Deno's is wgpu, Node and Bun have none. */
export const ownGPU: GPU | undefined = deno && globalThis.navigator?.gpu;

/** glibc's RTLD_NODELETE, which `node:os` does not name. */
const RTLD_NODELETE = 0x1000;
/** The complaints of Node and Bun that a library is no add-on, which come when it has been loaded. */
const NO_ADDON = /did not self-register|napi_register_module_v1/;

/**
 * Loads a shared library for the whole process; a bare name is looked up as the system does.
 * @throws DeviceError if it is absent or broken.
 */
export function loadLibrary(path: string): void {
  const { RTLD_NOW, RTLD_GLOBAL } = constants.dlopen;
  try {
    if (deno) deno.dlopen(path, {});
    else process.dlopen({ exports: {} }, path, RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
  } catch (error) {
    if (!NO_ADDON.test(causeOf(error))) throw new DeviceError(causeOf(error));
  }
}

/** Sets variables of the environment, or deletes those that are undefined, for native libraries too: Bun alone keeps its own apart. */
export async function setEnvironment(variables: Readonly<Record<string, string | undefined>>): Promise<void> {
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  if (!process.versions.bun || process.platform === 'win32') return;
  // A name that other runtimes' bundlers do not look up.
  const module = 'bun:ffi';
  const { dlopen } = (await import(module)) as BunFFI;
  const { symbols } = dlopen(process.platform === 'darwin' ? 'libc.dylib' : 'libc.so.6', {
    setenv: { args: ['cstring', 'cstring', 'int'], returns: 'int' },
    unsetenv: { args: ['cstring'], returns: 'int' },
  });
  const text = (value: string) => Buffer.from(`${value}\0`);
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) symbols.unsetenv(text(name));
    else symbols.setenv(text(name), text(value), 1);
  }
}
