/** What a device could free if only it were given the time: engines collect, and drivers retire, between two tasks and not within one. */
import { DeviceError } from '../core/errors.ts';

/** More than this is not let pile up. */
const ALLOWED_BYTES = 2 ** 30;
/** What a run leaves behind: encoders, passes, command buffers. */
const RUN_BYTES = 16384;
/** What a result leaves behind beside its bytes: the objects that stand for it. */
const RESULT_BYTES = 4096;
/** What a bind group takes, at the dearest: lavapipe maps memory for each, and Linux allows a process 65,530 mappings. */
export const BIND_GROUP_BYTES = 32768;

/** Counts what piles up while a program runs without an await. */
export class Backlog {
  #bytes = 0;
  #runs = 0;
  #backwards = 0;
  #waiting = false;

  /** A plan was run, for which so many bytes were uploaded. */
  run(uploaded: number): void {
    this.#runs++;
    this.#add(RUN_BYTES + uploaded);
  }

  /** A gradient was recorded: a loop without an optimizer runs the graphs of many steps as one. */
  backward(): void {
    this.#backwards++;
    this.#add(0);
  }

  /** A result of so many bytes was moved out of a plan's way: whoever holds it may have dropped it. The engine counts it once more. */
  kept(bytes: number): void {
    this.#add(RESULT_BYTES + 2 * bytes);
  }

  /** A bind group was made: only the engine can free it. */
  bindGroup(): void {
    this.#add(BIND_GROUP_BYTES);
  }

  /** @throws DeviceError where so much has piled up that the process could die of it. */
  check(): void {
    if (this.#bytes <= ALLOWED_BYTES) return;
    const steps = Math.max(this.#runs, this.#backwards);
    const every = Math.max(1, Math.floor(steps / 2));
    throw new DeviceError(
      `device: expected an await now and then, got ${grouped(steps)} steps without one, whose memory cannot be given back before ` +
        `the next. Await a result every ${grouped(every)} steps or more often, as in \`await loss.item()\`.`,
    );
  }

  #add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#waiting) return;
    this.#waiting = true;
    setTimeout(() => {
      this.#bytes = this.#runs = this.#backwards = 0;
      this.#waiting = false;
    });
  }
}

/** 1,234 */
const grouped = (count: number): string => count.toLocaleString('en-US');
