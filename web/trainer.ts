/** The page's end of the Worker: calls with answers, and events. */
import type { Call, Calls, Fault, FromWorker, Request, WorkerEvent } from './messages.ts';

/** What the Worker threw: its message is the command line's. */
export class WorkerFault extends Error {
  /** The GPU is gone: a new Worker is needed. */
  readonly lost: boolean;

  constructor({ name, message, lost }: Fault) {
    super(message);
    this.name = name;
    this.lost = lost;
  }
}

/** What went wrong, without what only programs can do about it. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/ Call init\(\).*$/, '') : String(error);
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class Trainer {
  readonly #worker = new Worker(new URL('./worker/main.ts', import.meta.url), { type: 'module' });
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;

  /** @param listen gets what the Worker tells unasked */
  constructor(listen: (event: WorkerEvent) => void) {
    this.#worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
      if ('event' in data) return listen(data);
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if ('fault' in data) waiting?.reject(new WorkerFault(data.fault));
      else waiting?.resolve(data.value);
    });
    this.#worker.addEventListener('error', ({ message }) => {
      this.#fail(
        new WorkerFault({ name: 'Error', message: message || 'the Worker could not be started.', lost: true }),
      );
    });
  }

  call<K extends Call>(call: K, ...args: Parameters<Calls[K]>): Promise<ReturnType<Calls[K]>> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      const bitmaps = (args as readonly unknown[]).filter((arg) => arg instanceof ImageBitmap);
      this.#worker.postMessage({ id, call, args } as Request, bitmaps);
    });
  }

  /** Ends the Worker; what is open rejects. */
  close(): void {
    this.#worker.terminate();
    this.#fail(new WorkerFault({ name: 'Error', message: 'the Worker was ended.', lost: true }));
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
