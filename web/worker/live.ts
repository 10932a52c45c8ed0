/** fit's progress as events for the page: at most ten a second, with the time left of the whole run. */

import type { EpochRecord } from '../../src/train/history.ts';
import type { Progress, ProgressValues } from '../../src/train/progress.ts';
import type { WorkerEvent } from '../messages.ts';

/** Milliseconds between two events. */
const PACE = 100;

export class Live implements Progress {
  readonly #epochs: number;
  readonly #post: (event: WorkerEvent) => void;
  #title = '';
  #of = 0;
  #epoch = 1;
  #validation = false;
  #began = 0;
  #epochBegan = performance.now();
  /** Seconds that the last whole epoch took, validation included. */
  #lastEpoch: number | null = null;
  #posted = 0;

  /** @param done epochs that were finished before */
  constructor(epochs: number, done: number, post: (event: WorkerEvent) => void) {
    this.#epochs = epochs;
    this.#epoch = done + 1;
    this.#post = post;
  }

  start(total: number, text: string): void {
    this.#of = total;
    this.#title = text;
    this.#validation = !text.startsWith('Epoch');
    this.#began = performance.now();
    if (!this.#validation) this.#epochBegan = this.#began;
    this.#tell(0, {});
  }

  update(done: number, values: ProgressValues = {}): void {
    if (performance.now() - this.#posted >= PACE || done >= this.#of) this.#tell(done, values);
  }

  /** A pause of so many milliseconds does not count. */
  rested(milliseconds: number): void {
    this.#began += milliseconds;
    this.#epochBegan += milliseconds;
  }

  note(): void {}

  end(): void {}

  finished(record: EpochRecord): void {
    this.#lastEpoch = (performance.now() - this.#epochBegan) / 1000;
    this.#epoch = record.epoch + 1;
    this.#post({ event: 'epoch', record });
  }

  #tell(done: number, { loss, scores = [] }: ProgressValues): void {
    this.#posted = performance.now();
    const seconds = (this.#posted - this.#began) / 1000;
    const rate = done > 0 && seconds > 0 ? done / seconds : null;
    const here = rate === null ? null : (this.#of - done) / rate;
    const each = this.#lastEpoch ?? (this.#validation || here === null ? null : seconds + here);
    const left = here === null || each === null ? null : here + each * Math.max(0, this.#epochs - this.#epoch);
    this.#post({
      event: 'progress',
      progress: {
        epoch: this.#epoch,
        epochs: this.#epochs,
        title: this.#title,
        done,
        of: this.#of,
        loss: this.#validation ? null : (loss ?? null),
        accuracy: this.#validation ? null : (scores.find(({ name }) => name === 'accuracy')?.value ?? null),
        imagesPerSecond: rate,
        secondsLeft: left,
      },
    });
  }
}
