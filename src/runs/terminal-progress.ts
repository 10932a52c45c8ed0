/** The terminal's progress display: a bar where there is a terminal, one line an epoch where there is none. */
import { SingleBar } from 'cli-progress';
import { formatBytes, formatCount, formatDuration, formatPercent, formatValue } from '../core/format.ts';
import { checkOptions } from '../core/options.ts';
import { oneLine } from '../core/printable.ts';
import type { Progress, ProgressUnit, ProgressValues } from '../train/progress.ts';

export { formatBytes, formatCount, formatDuration, formatPercent, formatValue } from '../core/format.ts';

/** Where progress goes: `process.stderr`, or a stand-in. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Options of {@link createProgress}. */
export interface ProgressOptions {
  /** Default `process.stderr`, so that standard output stays a program's to read. */
  readonly stream?: ProgressStream;
  /** Milliseconds; for tests. */
  readonly now?: () => number;
}

/** The display that fits the stream: a bar on a terminal, plain lines otherwise. */
export function createProgress(options: ProgressOptions = {}): Progress {
  checkOptions('createProgress', options, { stream: true, now: true });
  const stream = options.stream ?? process.stderr;
  const now = options.now ?? Date.now;
  return stream.isTTY ? new BarProgress(stream, now) : new LineProgress(stream, now);
}

interface Stretch {
  readonly text: string;
  readonly unit: ProgressUnit;
  readonly total: number;
  readonly begun: number;
  done: number;
  values: ProgressValues;
}

/** A bar that redraws in place, cut to the terminal's width. */
class BarProgress implements Progress {
  readonly #stream: ProgressStream;
  readonly #now: () => number;
  #stretch: Stretch | undefined;
  #bar: SingleBar | undefined;

  constructor(stream: ProgressStream, now: () => number) {
    this.#stream = stream;
    this.#now = now;
  }

  start(total: number, text: string, unit: ProgressUnit = 'images'): void {
    this.end();
    const stretch: Stretch = { text: oneLine(text), unit, total, begun: this.#now(), done: 0, values: {} };
    this.#stretch = stretch;
    this.#bar = new SingleBar({
      // Only terminals get here, which are whole streams.
      stream: this.#stream as NodeJS.WritableStream,
      format: (_options, params) => barLine(stretch, params.maxWidth, this.#now()),
      // Nothing about the terminal is changed (no hidden cursor, no switched-off wrapping), so nothing needs restoring
      // on Ctrl-C, which must go on ending the process.
      hideCursor: false,
      linewrap: true,
      gracefulExit: false,
      forceRedraw: true,
      emptyOnZero: true,
    });
    this.#bar.start(total, 0);
  }

  update(done: number, values: ProgressValues = {}): void {
    if (!this.#stretch) return;
    this.#stretch.done = done;
    this.#stretch.values = values;
    this.#bar?.update(done);
  }

  note(text: string): void {
    this.#stream.write(this.#bar ? `\r\x1b[2K${noteLine(text)}` : noteLine(text));
    this.#bar?.render();
  }

  end(): void {
    // The bar returns the cursor to where it was saved at the start; notes have moved the line since.
    if (this.#bar) this.#stream.write('\r\x1b7');
    this.#bar?.stop();
    this.#bar = undefined;
    this.#stretch = undefined;
  }
}

/** One line when a stretch ends, and the notes: for logs. Writes no carriage return and no escape. */
class LineProgress implements Progress {
  readonly #stream: ProgressStream;
  readonly #now: () => number;
  #stretch: Stretch | undefined;

  constructor(stream: ProgressStream, now: () => number) {
    this.#stream = stream;
    this.#now = now;
  }

  start(total: number, text: string, unit: ProgressUnit = 'images'): void {
    this.end();
    this.#stretch = { text: oneLine(text), unit, total, begun: this.#now(), done: 0, values: {} };
  }

  update(done: number, values: ProgressValues = {}): void {
    if (!this.#stretch) return;
    this.#stretch.done = done;
    this.#stretch.values = values;
  }

  note(text: string): void {
    this.#stream.write(noteLine(text));
  }

  end(): void {
    if (!this.#stretch) return;
    const { text, done, total, unit, begun } = this.#stretch;
    const seconds = (this.#now() - begun) / 1000;
    const of =
      done < total ? [`${unit === 'bytes' ? formatBytes(done) : formatCount(done)} of ${amount(total, unit)}`] : [];
    this.#stream.write(
      plain(`${text}: ${[...of, ...measures(this.#stretch, seconds), formatDuration(seconds)].join(', ')}\n`),
    );
    this.#stretch = undefined;
  }
}

/** `Epoch 3/12 █████░░░░░  48 %, loss 0.312, accuracy 91.2 %, 118 images/s, 1 min 02 s left`, at most `width` characters. */
function barLine(stretch: Stretch, width: number, now: number): string {
  const { text, done, total, values } = stretch;
  const seconds = (now - stretch.begun) / 1000;
  const share = total > 0 ? Math.min(1, done / total) : 0;
  const secondsLeft = values.secondsLeft ?? (done > 0 ? (seconds * (total - done)) / done : undefined);
  const ended = done >= total && values.secondsLeft === undefined;
  const time = ended ? formatDuration(seconds) : secondsLeft === undefined ? '' : `${formatDuration(secondsLeft)} left`;
  const tail = [`${Math.floor(share * 100)} %`.padStart(5), ...measures(stretch, seconds), time]
    .filter(Boolean)
    .join(', ');
  const room = width - 1 - text.length - 2 - tail.length;
  const cells = Math.max(0, Math.min(24, room));
  const full = Math.round(share * cells);
  const bar = cells >= 4 ? `${'█'.repeat(full)}${'░'.repeat(cells - full)} ` : '';
  return plain(`${text} ${bar}${tail}`.slice(0, Math.max(0, width - 1)));
}

function measures({ values, done, unit }: Stretch, seconds: number): string[] {
  const rate = values.imagesPerSecond ?? (seconds > 0 && done > 0 ? done / seconds : undefined);
  return [
    ...(values.loss === undefined ? [] : [`loss ${formatValue(values.loss)}`]),
    ...(values.accuracy === undefined ? [] : [`accuracy ${formatPercent(values.accuracy)}`]),
    ...(values.scores ?? []).map(
      (s) => `${s.title} ${(s.format === 'percent' ? formatPercent : formatValue)(s.value)}`,
    ),
    ...(rate === undefined ? [] : [`${amount(rate, unit)}/s`]),
  ];
}

function amount(count: number, unit: ProgressUnit): string {
  if (unit === 'bytes') return formatBytes(Math.round(count));
  return `${count < 10 && !Number.isInteger(count) ? count.toFixed(1) : formatCount(Math.round(count))} ${unit}`;
}

/** One line, with the spaces that it begins with: tables are notes too. */
function noteLine(text: string): string {
  return `${/^ */.exec(text)![0]}${oneLine(text)}\n`;
}

/** Terminals and logs want plain spaces. */
function plain(text: string): string {
  return text.replaceAll('\u00a0', ' ');
}
