/** `#threads` in Node: worker threads that decode and transform, so that the thread that records GPU work does neither. */
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { ArgumentError, DataError } from '../../core/errors.ts';
import type { Transform } from '../transforms/transform.ts';
import type { View } from '../view.ts';
import type { FloatImage } from './image.ts';

export interface LoadRequest {
  readonly id: number;
  readonly path: string;
  /** The transform's JSON, as text: a thread parses each once. */
  readonly transform: string;
  readonly origin: number;
  readonly view: View;
}

export type LoadReply =
  | { readonly id: number; readonly data: Float32Array; readonly shape: readonly [number, number, number] }
  | {
      readonly id: number;
      readonly error: { readonly name: string; readonly message: string; readonly stack: string };
    };

interface Pending {
  readonly path: string;
  resolve(image: FloatImage): void;
  reject(error: Error): void;
}

/** The thread's program. Built it is plain JavaScript; from source Node 20 needs tsx's hooks there too, which a thread does not inherit. */
function program(): URL {
  if (!import.meta.url.endsWith('.ts')) return new URL('./sample-worker.js', import.meta.url);
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json'));
  const hooks = new URL('./dist/esm/api/index.mjs', tsx).href;
  const source = new URL('./sample-worker.ts', import.meta.url).href;
  const code = `import { register } from ${JSON.stringify(hooks)}; register(); await import(${JSON.stringify(source)});`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

class SampleThread {
  readonly #worker = new Worker(program());
  readonly #pending = new Map<number, Pending>();
  #next = 0;
  failed = false;

  constructor() {
    this.#worker.unref();
    this.#worker.on('message', (reply: LoadReply) => this.#settle(reply));
    this.#worker.on('error', (error: Error) => this.#fail(error));
    this.#worker.on('exit', (code) => this.#fail(new Error(`an image loading thread ended with code ${code}.`)));
  }

  get load(): number {
    return this.#pending.size;
  }

  request(request: Omit<LoadRequest, 'id'>): Promise<FloatImage> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      // A thread keeps the process alive only while something is asked of it.
      if (this.#pending.size === 0) this.#worker.ref();
      this.#pending.set(id, { path: request.path, resolve, reject });
      this.#worker.postMessage({ id, ...request } satisfies LoadRequest);
    });
  }

  #settle(reply: LoadReply): void {
    const pending = this.#pending.get(reply.id);
    if (!pending) return;
    this.#pending.delete(reply.id);
    if (this.#pending.size === 0) this.#worker.unref();
    if ('data' in reply) pending.resolve(reply);
    else pending.reject(revive(reply.error, pending.path));
  }

  #fail(error: Error): void {
    this.failed = true;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  async close(): Promise<void> {
    this.#worker.removeAllListeners('exit');
    await this.#worker.terminate();
  }
}

function revive({ name, message, stack }: { name: string; message: string; stack: string }, path: string): Error {
  if (name === 'DataError') return new DataError(path, message.replace(`${path}: `, ''));
  if (name === 'ArgumentError') return new ArgumentError(message);
  return Object.assign(new Error(message), { stack });
}

/** How many threads a loader has unless it is told: cores less 2, at most 8. */
export function defaultThreads(): number {
  return Math.min(8, Math.max(0, availableParallelism() - 2));
}

/** A set of threads; the least busy takes the next image. They start on first use, and do not keep a process alive. */
export class SampleThreads {
  readonly size: number;
  #threads: SampleThread[] = [];

  constructor(size: number) {
    this.size = size;
  }

  /** As loadImage, on another thread. */
  load(path: string, transform: Transform, origin: number, view: View): Promise<FloatImage> {
    this.#threads = this.#threads.filter((t) => !t.failed);
    let thread = this.#threads.reduce<SampleThread | undefined>((a, b) => (a && a.load <= b.load ? a : b), undefined);
    if ((!thread || thread.load > 0) && this.#threads.length < this.size)
      this.#threads.push((thread = new SampleThread()));
    return thread!.request({ path, transform: JSON.stringify(transform), origin, view });
  }

  /** Ends the threads. Loading after that starts new ones. */
  async close(): Promise<void> {
    const threads = this.#threads;
    this.#threads = [];
    await Promise.all(threads.map((t) => t.close()));
  }
}
