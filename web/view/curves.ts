/** Loss and accuracy while they come: the report's charts, with the axis of the whole run from the start. */

import { formatPercent, formatValue, isNumber } from '../../src/core/format.ts';
import { epochTicks, niceAxis } from '../../src/report/chart.ts';
import { html, type Markup } from '../../src/report/markup.ts';
import type { EpochRecord } from '../../src/train/history.ts';
import { byId } from './dom.ts';

type Point = readonly [epoch: number, value: number];

interface Line {
  readonly name: string;
  readonly style: 'train' | 'validation' | 'other' | 'trace';
  readonly points: readonly Point[];
}

/** Points within the epochs that are drawn at most; of more every second one goes. */
const POINTS = 2000;

/** Milliseconds between two drawings. */
const PACE = 250;

export class Curves {
  #waiting = false;
  #epochs = 10;
  #records: EpochRecord[] = [];
  /** From scratch, for comparison. */
  #others: EpochRecord[] = [];
  #trace: { loss: Point[]; accuracy: Point[] } = { loss: [], accuracy: [] };

  /** Nothing yet, of so many epochs. */
  reset(epochs: number): void {
    this.#epochs = epochs;
    this.#records = [];
    this.#others = [];
    this.#trace = { loss: [], accuracy: [] };
    this.#draw();
  }

  /** Running means within an epoch. @param at epochs done, with a fraction */
  running(at: number, loss: number, accuracy: number): void {
    const { loss: losses, accuracy: accuracies } = this.#trace;
    losses.push([at, loss]);
    accuracies.push([at, accuracy]);
    if (losses.length > POINTS) this.#trace = { loss: halved(losses), accuracy: halved(accuracies) };
    this.#soon();
  }

  add(record: EpochRecord): void {
    this.#records.push(record);
    this.#soon();
  }

  /** The epochs of the comparison so far. */
  compare(records: readonly EpochRecord[]): void {
    this.#others = [...records];
    this.#soon();
  }

  /** Draws with what has come by then, a few times a second. */
  #soon(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    setTimeout(() => {
      this.#waiting = false;
      this.#draw();
    }, PACE);
  }

  #draw(): void {
    const line = (
      name: string,
      style: Line['style'],
      key: keyof EpochRecord,
      records: readonly EpochRecord[] = this.#records,
    ): Line => ({
      name,
      style,
      points: records.flatMap((r) => (isNumber(r[key] as number | null) ? [[r.epoch, r[key] as number]] : [])),
    });
    const accuracy = [line('training', 'train', 'trainAccuracy'), line('held out', 'validation', 'validationAccuracy')];
    const other = (key: keyof EpochRecord): Line[] =>
      this.#others.length ? [line('from scratch, held out', 'other', key, this.#others)] : [];
    const loss = [line('training', 'train', 'trainLoss'), line('held out', 'validation', 'validationLoss')];
    byId('curves').hidden = this.#records.length + this.#others.length + this.#trace.loss.length === 0;
    byId('curves').innerHTML = [
      this.#chart(
        'Accuracy',
        [...accuracy, ...other('validationAccuracy')],
        this.#trace.accuracy,
        (v) => `${Math.round(v * 100)} %`,
        formatPercent,
        1,
      ),
      this.#chart('Loss', [...loss, ...other('validationLoss')], this.#trace.loss, String, formatValue),
    ]
      .map((chart) => chart.text)
      .join('');
  }

  #chart(
    title: string,
    lines: readonly Line[],
    trace: readonly Point[],
    tick: (value: number) => string,
    format: (value: number) => string,
    max?: number,
  ): Markup {
    const all = [...trace, ...lines.flatMap((l) => l.points)].map(([, value]) => value);
    const axis = niceAxis(0, max ?? all.reduce((most, value) => Math.max(most, value), all.length ? 0 : 1), max);
    const x = (epoch: number) => round((100 * epoch) / this.#epochs);
    const y = (value: number) => round(100 - (100 * (value - axis.low)) / (axis.high - axis.low));
    const path = (points: readonly Point[]) => points.map(([e, v], i) => `${i ? 'L' : 'M'}${x(e)} ${y(v)}`).join('');
    const dots = (points: readonly Point[]) => points.map(([e, v]) => `M${x(e)} ${y(v)}h0`).join('');
    const last = lines.flatMap(({ name, points }) => {
      const value = points.at(-1)?.[1];
      return value === undefined ? [] : [`${name} ${format(value)}`];
    });
    const about = last.length
      ? `${title} after ${this.#records.length} of ${this.#epochs} epochs: ${last.join(', ')}.`
      : `${title}: no epoch yet.`;
    return html`<figure class="chart"><figcaption>${title}</figcaption>
<ul class="legend">${lines.map((l) => html`<li><i class="swatch ${l.style}"></i>${l.name}</li>`)}<li><i class="swatch trace"></i>within the epoch</li></ul>
<div class="plot" role="img" aria-label="${about}"><div aria-hidden="true">
<svg viewBox="0 0 100 100" preserveAspectRatio="none">${axis.ticks.map((t) => html`<path class="grid" d="M0 ${y(t)}H100"/>`)}
${trace.length > 0 && html`<path class="trace" d="${path(trace)}"/>`}
${lines.map((l) => html`<path class="line ${l.style}" d="${path(l.points)}"/>${this.#epochs <= 40 && html`<path class="dots ${l.style}" d="${dots(l.points)}"/>`}`)}</svg>
${axis.ticks.map((t) => html`<span class="y" style="top:${y(t)}%">${tick(t)}</span>`)}
${epochTicks(this.#epochs).map((t) => html`<span class="x" style="left:${x(t)}%">${t}</span>`)}
</div></div><p class="axis" aria-hidden="true">epoch</p></figure>`;
  }
}

const halved = (points: readonly Point[]) => points.filter((_, i) => i % 2 === 1);

const round = (value: number) => Math.round(value * 100) / 100;
