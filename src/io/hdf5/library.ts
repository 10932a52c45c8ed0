/** The HDF5 library (h5wasm), loaded when the first file needs it, and its memory, which is held to the budget of a file. */
type H5Wasm = typeof import('h5wasm');
/** The library's module, with the members of every Emscripten module. */
export type H5Module = H5Wasm['Module'] & {
  _malloc(n: number): number;
  _free(p: number): void;
  readonly HEAPU8: Uint8Array;
  readonly FS: { readonly streams: readonly (object | null)[]; close(stream: object): void };
};

export interface Hdf5Library {
  readonly h5: H5Wasm;
  readonly module: H5Module;
}

const PAGE = 65_536;

/** The library's state that it does not export. */
interface Inside {
  readonly memory: WebAssembly.Memory;
  _emscripten_stack_restore(pointer: number): void;
  emscripten_stack_get_current(): number;
}

let loading: Promise<Hdf5Library> | undefined;
let memory: WebAssembly.Memory | undefined;
/** Puts the library back into the state in which it was loaded. */
let restore: (() => void) | undefined;
let loadedBytes = 0;
let limit = Number.POSITIVE_INFINITY;

/** The library, loaded by the first caller. */
export function loadHdf5(): Promise<Hdf5Library> {
  loading ??= load();
  return loading;
}

/** Memory that the library has, in bytes: it grows and never shrinks. 0 before it is loaded. */
export function hdf5Bytes(): number {
  return memory?.buffer.byteLength ?? 0;
}

/**
 * Runs `use`, in which the library's memory may grow to `bytes` more than it had when it was loaded: its own allocations follow
 * what a file declares. Past that they fail, and the library reports it as it does when a machine has no more memory. If `use`
 * throws, the library starts again from where it was when it had been loaded: damaged files leave things open and lost, and
 * may have written anywhere in its memory.
 */
export function withinMemory<T>(bytes: number, use: () => T): T {
  limit = loadedBytes + bytes;
  try {
    return use();
  } catch (error) {
    restore?.();
    throw error;
  } finally {
    limit = Number.POSITIVE_INFINITY;
  }
}

async function load(): Promise<Hdf5Library> {
  // The library keeps its memory to itself: it is seen only where it is made.
  const { instantiate } = WebAssembly;
  let inside: Inside | undefined;
  const seeing = async (...args: Parameters<typeof instantiate>) => {
    const made = await instantiate(...args);
    const { exports } = (made as unknown as WebAssembly.WebAssemblyInstantiatedSource).instance ?? made;
    if ('H5open' in exports) inside = exports as unknown as Inside;
    return made;
  };
  Object.assign(WebAssembly, { instantiate: seeing });
  try {
    const h5 = await import('h5wasm');
    const module = (await h5.ready) as H5Module;
    bound(inside!.memory);
    restore = restorer(inside!, module);
    memory = inside!.memory;
    loadedBytes = hdf5Bytes();
    return { h5, module };
  } finally {
    Object.assign(WebAssembly, { instantiate });
  }
}

/** Makes growth past {@link limit} fail. */
function bound(own: WebAssembly.Memory): void {
  const grow = own.grow.bind(own);
  own.grow = (pages) => {
    if (own.buffer.byteLength + pages * PAGE > limit) throw new RangeError('the file may not take more memory');
    return grow(pages);
  };
}

/** Keeps the memory as it is now, without the zeros at its end, and the files that are open. */
function restorer(inside: Inside, { FS }: H5Module): () => void {
  const bytes = new Uint8Array(inside.memory.buffer);
  let used = bytes.length;
  while (used > 0 && bytes[used - 1] === 0) used--;
  const kept = bytes.slice(0, used);
  const stack = inside.emscripten_stack_get_current();
  const files = new Set(FS.streams);
  return () => {
    const now = new Uint8Array(inside.memory.buffer);
    now.set(kept);
    now.fill(0, used);
    inside._emscripten_stack_restore(stack);
    for (const stream of FS.streams) if (stream && !files.has(stream)) FS.close(stream);
  };
}
