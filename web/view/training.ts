/** The training controls, how far the run is, and its curves. */
import { formatDuration, formatPercent, formatValue, plural } from '../../src/core/format.ts';
import type { FinetuneResult } from '../../src/runs/result.ts';
import type { EpochRecord } from '../../src/train/history.ts';
import type { LiveProgress, WorkerEvent } from '../messages.ts';
import { Curves } from './curves.ts';
import { byId } from './dom.ts';

export interface TrainingOptions {
  readonly train: () => void;
  readonly pause: () => void;
  readonly resume: () => void;
  readonly stop: () => void;
}

const PAGE_TITLE = document.title;

export class TrainingView {
  readonly #train = byId<HTMLButtonElement>('train');
  readonly #pause = byId<HTMLButtonElement>('pause');
  readonly #stop = byId<HTMLButtonElement>('stop');
  readonly #bar = byId<HTMLProgressElement>('progress');
  readonly #status = byId('status');
  readonly #speed = byId('speed');
  readonly #spoken = byId('spoken');
  readonly #options: TrainingOptions;
  readonly #curves = new Curves();
  #running = false;
  #paused = false;
  /** The epochs of the comparison with training from scratch while that is under way. */
  #comparison: EpochRecord[] | null = null;
  /** Whether the focus is on a button that the end of the run disables. */
  #focused = false;
  /** Whether the status line tells of a run, which idling must not overwrite. */
  #told = false;
  /** Set while the status line tells why training failed, with all that was chosen then: another choice takes the reason away. */
  #failed = false;
  #failedWith: string | null = null;

  constructor(options: TrainingOptions) {
    this.#options = options;
    this.#train.addEventListener('click', options.train);
    this.#pause.addEventListener('click', () => this.#hold(!this.#paused));
    this.#stop.addEventListener('click', () => {
      this.#focused = true;
      this.#stop.disabled = true;
      this.#pause.disabled = true;
      this.#status.textContent = 'Stopping …';
      options.stop();
    });
    this.#curves.reset(this.epochs);
    byId('epochs').addEventListener('input', () => {
      if (!this.#running && !this.#told) this.#curves.reset(this.epochs);
    });
  }

  get epochs(): number {
    return whole('epochs', 10, 500);
  }

  /** Fills the fields in. */
  set(epochs: number, batchSize: number, learningRate: number | null): void {
    this.epochs = epochs;
    byId<HTMLInputElement>('batch-size').value = String(batchSize);
    if (learningRate !== null) this.learningRate = learningRate;
    this.#curves.reset(epochs);
  }

  set epochs(value: number) {
    byId<HTMLInputElement>('epochs').value = String(value);
  }

  get batchSize(): number {
    return whole('batch-size', 16, 256);
  }

  /** null: the recipe's. */
  get learningRate(): number | null {
    const value = Number(byId<HTMLInputElement>('learning-rate').value);
    return value > 0 ? value : null;
  }

  set learningRate(value: number) {
    byId<HTMLInputElement>('learning-rate').value = String(value);
  }

  /**
   * @param missing why training cannot start, or null
   * @param choice all that a run depends on
   */
  idle(missing: string | null, choice: string): void {
    if (this.#running) return;
    if (this.#failed) {
      this.#failedWith ??= choice;
      if (choice !== this.#failedWith) {
        this.#fail(false);
        this.#told = false;
      }
    }
    this.#train.disabled = missing !== null;
    if (this.#focused && !missing) this.#train.focus({ preventScroll: true });
    this.#focused = false;
    if (!this.#told) this.#status.textContent = missing ?? 'Ready to train.';
  }

  /** A run begins; its curves start anew. @param paused it was held when the page was left, and still is */
  begin(paused = false): void {
    this.#start('Training has begun.', paused);
    this.#curves.reset(this.epochs);
  }

  /** A comparison begins; its curve joins the run's. @param paused as for {@link begin} */
  beginComparison(paused = false): void {
    this.#start('Training from scratch has begun.', paused);
    this.#comparison = [];
  }

  #start(spoken: string, paused: boolean): void {
    this.#fail(false);
    this.#running = true;
    this.#told = true;
    this.#train.disabled = true;
    this.#pause.disabled = false;
    this.#stop.disabled = false;
    this.#status.textContent = 'Starting …';
    this.#speed.textContent = '';
    this.#spoken.textContent = spoken;
    this.#bar.removeAttribute('value');
    this.#showPaused(paused);
  }

  /** From a button that the beginning of the run disabled, the focus goes to where it can be paused. */
  takeFocus(): void {
    const { activeElement } = document;
    if (activeElement === document.body || activeElement?.matches(':disabled')) this.#pause.focus();
  }

  #hold(paused: boolean): void {
    this.#showPaused(paused);
    if (paused) this.#options.pause();
    else this.#options.resume();
  }

  #showPaused(paused: boolean): void {
    const was = this.#paused;
    this.#paused = paused;
    this.#pause.textContent = paused ? 'Resume' : 'Pause';
    this.#pause.classList.toggle('primary', paused);
    if (paused || was) this.#speed.textContent = paused ? 'paused' : 'going on …';
    if (paused || was) this.#spoken.textContent = paused ? 'Paused' : 'Resumed';
  }

  hear(event: Exclude<WorkerEvent, { event: 'photo' | 'unsaved' }>): void {
    if (!this.#running) return;
    if (event.event === 'work') {
      this.#status.textContent = `${event.text} …`;
      if (event.share === null) this.#bar.removeAttribute('value');
      else this.#bar.value = event.share;
    } else if (event.event === 'begun') this.#begun(event.epochs, event.history);
    else if (event.event === 'progress') this.#progress(event.progress);
    else {
      const { record } = event;
      if (this.#comparison) {
        this.#comparison.push(record);
        this.#curves.compare(this.#comparison);
      } else this.#curves.add(record);
      const accuracy = formatPercent(record.validationAccuracy ?? record.trainAccuracy);
      document.title = `${accuracy}, epoch ${record.epoch}: regraft`;
      this.#spoken.textContent = `Epoch ${record.epoch}: loss ${formatValue(record.validationLoss)}, accuracy ${accuracy} on the held-out photos.`;
    }
  }

  #begun(epochs: number, history: readonly EpochRecord[]): void {
    if (this.#comparison) {
      this.#comparison = [...history];
      this.#curves.compare(history);
    } else this.#show(epochs, history);
  }

  #show(epochs: number, history: readonly EpochRecord[]): void {
    this.#curves.reset(epochs);
    for (const record of history) this.#curves.add(record);
  }

  #progress({ epoch, epochs, title, done, of, loss, accuracy, imagesPerSecond, secondsLeft }: LiveProgress): void {
    const share = of ? Math.min(1, done / of) : 0;
    const validating = !title.startsWith('Epoch');
    this.#bar.value = (epoch - 1 + (validating ? 0.9 + 0.1 * share : 0.9 * share)) / epochs;
    if (!this.#stop.disabled)
      this.#status.textContent = `${title.replace('/', ' of ')}, ${done} of ${of} photos${this.#comparison ? ', from scratch' : ''}`;
    const parts = [
      loss === null ? '' : `loss ${formatValue(loss)}`,
      accuracy === null ? '' : `accuracy ${formatPercent(accuracy)}`,
      imagesPerSecond === null ? '' : `${imagesPerSecond.toFixed(imagesPerSecond < 10 ? 1 : 0)} images/s`,
      secondsLeft === null ? '' : `${formatDuration(secondsLeft)} left`,
    ];
    if (!this.#paused) this.#speed.textContent = parts.filter(Boolean).join(' · ');
    if (loss !== null && accuracy !== null && !this.#comparison)
      this.#curves.running(epoch - 1 + share, loss, accuracy);
  }

  /** @param anew the run was not watched: its curves are still to draw */
  done({ history, seconds, evaluation, comparisons }: FinetuneResult, anew = false): void {
    if (anew) this.#show(history.length, history);
    for (const { history: other } of comparisons ?? []) this.#curves.compare(other);
    const compared = this.#comparison ? comparisons?.[0] : undefined;
    this.#end();
    this.#told = true;
    this.#bar.value = 1;
    this.#status.textContent = `Done: ${plural(history.length, 'epoch')} in ${formatDuration(seconds.total)}.`;
    const accuracy = formatPercent((compared ? compared.score : evaluation?.accuracy) ?? null);
    this.#spoken.textContent = `${compared ? 'The comparison' : 'Training'} is done. ${accuracy} of the held-out photos are classified correctly.`;
  }

  /** As at the start. */
  reset(): void {
    this.#end();
    this.#fail(false);
    this.#told = false;
    this.#bar.value = 0;
    this.#curves.reset(this.epochs);
  }

  failed(message: string): void {
    this.#end();
    this.#told = true;
    this.#bar.value = 0;
    this.#status.textContent = message;
    this.#spoken.textContent = message;
    this.#fail(true);
  }

  #fail(failed: boolean): void {
    this.#failed = failed;
    this.#failedWith = null;
    this.#status.classList.toggle('fault', failed);
  }

  #end(): void {
    this.#running = false;
    this.#paused = false;
    this.#comparison = null;
    this.#focused ||= document.activeElement === this.#pause || document.activeElement === this.#stop;
    this.#pause.disabled = true;
    this.#stop.disabled = true;
    this.#speed.textContent = '';
    this.#pause.textContent = 'Pause';
    this.#pause.classList.remove('primary');
    document.title = PAGE_TITLE;
  }
}

/** The field's number, made whole and kept within 1 and `most`. */
function whole(id: string, otherwise: number, most: number): number {
  const value = Math.round(Number(byId<HTMLInputElement>(id).value));
  return value >= 1 ? Math.min(most, value) : otherwise;
}
