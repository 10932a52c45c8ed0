/** WebGPU reports errors late; this keeps them until the next await, where they are thrown. */
import { waitPatiently } from '#gpu';
import { DeviceError } from '../core/errors.ts';

/** The message of a device that was destroyed by whoever had it. */
export const DESTROYED = 'it was destroyed. Call init() to open a new one.';

/** Why a device is gone: as WebGPU says it, or the message that it was destroyed with. */
export interface LostState {
  readonly reason: 'unknown' | 'destroyed';
  readonly message: string;
}

/** The errors of one device, and the promises that must not outlive it. */
export class Faults {
  /** Set once the device is gone. */
  lost: LostState | undefined;
  #stored: DeviceError[] = [];
  readonly #checks = new Set<Promise<void>>();
  readonly #waiting = new Set<(error: DeviceError) => void>();

  constructor(gpu: GPUDevice) {
    gpu.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      this.store(deviceErrorOf(event.error));
    });
    void gpu.lost.then(({ reason, message }) =>
      this.lose(reason === 'destroyed' ? { reason, message: DESTROYED } : { reason: 'unknown', message }),
    );
  }

  /** Marks the device as gone: everything that waits rejects now. */
  lose(state: LostState): void {
    this.lost ??= state;
    const error = lostError(this.lost);
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
  }

  /** Keeps an error for the next {@link check}. */
  store(error: DeviceError): void {
    this.#stored.push(error);
  }

  /**
   * @throws DeviceError if the device is lost, or with the first error since the last call. The errors are then
   * forgotten, so that one may go on after running out of memory with a smaller batch.
   */
  check(): void {
    if (this.lost) throw lostError(this.lost);
    const [first] = this.#stored;
    if (!first) return;
    this.#stored = [];
    throw first;
  }

  /** An error that is known only later, such as a pipeline's: {@link guard} waits for it. It outranks what follows from it. */
  watch(found: Promise<DeviceError | undefined>): void {
    const check = found.then(
      (error) => {
        if (error) this.#stored.unshift(error);
        this.#checks.delete(check);
      },
      (error) => {
        this.#stored.unshift(new DeviceError(`device: ${error instanceof Error ? error.message : error}`));
        this.#checks.delete(check);
      },
    );
    this.#checks.add(check);
  }

  /**
   * `promise`, but rejected as soon as the device is lost, and with whatever errors the device has reported by then.
   * @throws DeviceError
   */
  async guard<T>(promise: Promise<T>): Promise<T> {
    // Promise.race with the device's own `lost` would add a reaction to it per call, and never free one.
    let reject: (error: DeviceError) => void = () => {};
    const gone = new Promise<never>((_, no) => {
      reject = no;
    });
    this.#waiting.add(reject);
    if (this.lost) reject(lostError(this.lost));
    const stopWaiting = waitPatiently();
    try {
      const value = await Promise.race([promise, gone]).catch((error: unknown) => {
        if (error instanceof DeviceError) throw error;
        this.check();
        throw new DeviceError(`device: ${error instanceof Error ? error.message : error}`);
      });
      await Promise.race([Promise.all(this.#checks), gone]);
      this.check();
      return value;
    } finally {
      stopWaiting();
      this.#waiting.delete(reject);
    }
  }
}

function lostError(lost: LostState): DeviceError {
  if (lost.reason === 'destroyed') return new DeviceError(`device: ${lost.message}`);
  const detail = firstLine(lost.message);
  return new DeviceError(
    `device: the GPU was lost${detail && ` (${detail})`}. Call init() again; if it happens again, reduce the batch size.`,
  );
}

function deviceErrorOf(error: GPUError): DeviceError {
  if (error instanceof GPUOutOfMemoryError) {
    return new DeviceError(`device: out of GPU memory (${firstLine(error.message)}). Reduce the batch size.`);
  }
  return new DeviceError(`device: ${error.message.trim()}`);
}

function firstLine(message: string): string {
  return message.trim().split('\n', 1)[0]!.replace(/\.$/, '');
}
