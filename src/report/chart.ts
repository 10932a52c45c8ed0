/**
 * Curves over epochs as SVG that needs no script to be read: lines in a stretched 100 x 100 box whose strokes do not
 * scale, with the labels as HTML around it, so that the text keeps its size on a phone. The page's script adds the read-out.
 */
import { isNumber } from '../core/format.ts';
import { type Content, html, type Markup } from './markup.ts';

export interface Series {
  readonly name: string;
  /** Colour and dash of the line, by the page's style sheet. */
  readonly style: 'train' | 'validation' | 'other';
  /** One value an epoch, from epoch 1; null leaves a gap. */
  readonly values: readonly (number | null)[];
}

export interface Chart {
  readonly title: string;
  readonly series: readonly Series[];
  /** A faint line of points between the epochs: [epochs done, value]. */
  readonly trace?: { readonly name: string; readonly points: readonly (readonly [number, number])[] };
  readonly phases: readonly { readonly name: string; readonly epochs: number }[];
  readonly keptEpoch: number;
  /** Writes a value in the read-out. */
  readonly format: (value: number) => string;
  /** Writes a value on the axis. */
  readonly formatTick: (value: number) => string;
  /** Ends of the axis that hold whatever the values are. */
  readonly min?: number;
  readonly max?: number;
}

/** Comparisons are shown up to so many times the largest value of the run itself. */
const CUT = 3;

/** The chart as a figure with a legend, or a sentence where there is nothing to draw. */
export function curveChart(chart: Chart): Markup {
  const epochs = chart.series.reduce((most, { values }) => Math.max(most, values.length), 1);
  const known = chart.series.flatMap((series) => series.values.filter(isNumber));
  if (known.length === 0)
    return html`<figure class="chart"><figcaption>${chart.title}</figcaption><p class="soft">Nothing was measured.</p></figure>`;
  const own = chart.series.flatMap((s) => (s.style === 'other' ? [] : s.values.filter(isNumber)));
  const trace = (chart.trace?.points ?? []).filter(([, value]) => Number.isFinite(value));
  const axis = niceAxis(
    chart.min ?? known.reduce((least, value) => Math.min(least, value)),
    // The first steps can be far above all that follows, and so can a comparison: these may be cut, the run's epochs may not.
    chart.max ??
      Math.max(
        Math.min(largest(known), own.length > 0 ? CUT * largest(own) : Number.POSITIVE_INFINITY),
        quantile(
          trace.map(([, value]) => value),
          0.97,
        ),
      ),
    chart.max,
  );
  const x = (epoch: number): number => round((epoch / epochs) * 100);
  const y = (value: number): number =>
    round(100 - ((clamp(value, axis.low, axis.high) - axis.low) / (axis.high - axis.low)) * 100);
  const kept =
    chart.series.find((s) => s.style === 'validation' && isNumber(s.values[chart.keptEpoch - 1])) ?? chart.series[0]!;
  const keptValue = kept.values[chart.keptEpoch - 1];

  return html`<figure class="chart">
<figcaption>${chart.title}</figcaption>
<ul class="legend">${[
    ...chart.series.map(({ name, style, values }) => {
      const cut = values.some((value) => isNumber(value) && value > axis.high);
      return html`<li><i class="swatch ${style}"></i>${name}${cut && ' (cut at the top)'}</li>`;
    }),
    chart.trace && trace.length > 0 && html`<li><i class="swatch trace"></i>${chart.trace.name}</li>`,
    isNumber(keptValue) && epochs > 1 && html`<li><i class="ring"></i>kept, epoch ${chart.keptEpoch}</li>`,
  ]}</ul>
<div class="plot" role="group" tabindex="0" aria-label="${describe(chart)}" data-series="${JSON.stringify(
    chart.series.map((s) => ({
      name: s.name,
      style: s.style,
      values: s.values.map((v) => (isNumber(v) ? chart.format(v) : null)),
    })),
  )}" data-epochs="${epochs}">
<div aria-hidden="true">
${phaseBands(chart.phases, x)}
<svg viewBox="0 0 100 100" preserveAspectRatio="none">
${axis.ticks.map((tick) => html`<path class="grid" d="M0 ${y(tick)}H100"/>`)}
${trace.length > 0 && html`<path class="trace" d="M${trace.map(([epoch, value]) => `${x(epoch)} ${y(value)}`).join('L')}"/>`}
${[...chart.series].reverse().map((s) => html`<path class="line ${s.style}" d="${linePath(s.values, x, y)}"/>${epochs <= 40 && html`<path class="dots ${s.style}" d="${dotPath(s.values, x, y)}"/>`}`)}
</svg>
${isNumber(keptValue) && epochs > 1 && html`<i class="ring at" style="left:${x(chart.keptEpoch)}%;top:${y(keptValue)}%"></i>`}
${axis.ticks.map((tick) => html`<span class="y" style="top:${y(tick)}%">${chart.formatTick(tick)}</span>`)}
${epochTicks(epochs).map((tick) => html`<span class="x" style="left:${x(tick)}%">${tick}</span>`)}
</div></div>
<p class="axis" aria-hidden="true">epoch</p>
</figure>`;
}

function phaseBands(phases: Chart['phases'], x: (epoch: number) => number): Content {
  if (phases.length < 2) return null;
  let begin = 0;
  return phases.map((phase, i) => {
    const band = html`<span class="phase${i > 0 && ' next'}" style="left:${x(begin)}%;width:${x(phase.epochs)}%" title="${phase.name}">${phase.name}</span>`;
    begin += phase.epochs;
    return band;
  });
}

function linePath(values: readonly (number | null)[], x: (e: number) => number, y: (v: number) => number): string {
  let pen = 'M';
  return values
    .map((value, i) => {
      if (!isNumber(value)) {
        pen = 'M';
        return '';
      }
      const point = `${pen}${x(i + 1)} ${y(value)}`;
      pen = 'L';
      return point;
    })
    .join('');
}

/** Strokes of no length with round caps: dots that stay round in a stretched box. */
function dotPath(values: readonly (number | null)[], x: (e: number) => number, y: (v: number) => number): string {
  return values.map((value, i) => (isNumber(value) ? `M${x(i + 1)} ${y(value)}h0` : '')).join('');
}

/** What a reader who does not see the chart is told. */
function describe({ title, series, format, keptEpoch }: Chart): string {
  const parts = series.flatMap(({ name, values }) => {
    const known = values.filter(isNumber);
    if (known.length === 0) return [];
    const [first, last] = [known[0]!, known[known.length - 1]!];
    return [known.length === 1 ? `${name} ${format(first)}` : `${name} from ${format(first)} to ${format(last)}`];
  });
  return `${title} by epoch: ${parts.join('; ')}. Epoch ${keptEpoch} was kept. All values are in the table below the charts.`;
}

/** Whole epochs at which to write a number: at most seven, the last one among them. */
export function epochTicks(epochs: number): number[] {
  const step = niceStep(epochs / 6, true);
  const ticks: number[] = [];
  for (let tick = step; tick <= epochs - 0.4 * step; tick += step) ticks.push(tick);
  return [...ticks, epochs];
}

/** Ends and marks of an axis from `min` to `max`; from 0 where that costs less than half the height. `limit` is never exceeded. */
export function niceAxis(min: number, max: number, limit?: number): { low: number; high: number; ticks: number[] } {
  const from = min > 0 && min < max / 2 ? 0 : min;
  const step = niceStep((max - from || Math.abs(max) || 1) / 5, false);
  const low = Math.floor(from / step + 1e-9) * step;
  let high = Math.ceil(max / step - 1e-9) * step;
  if (limit !== undefined) high = Math.min(high, limit);
  if (high <= low) high = low + step;
  const ticks: number[] = [];
  for (let i = 0; low + i * step <= high + step * 1e-6; i++) ticks.push(Number((low + i * step).toPrecision(12)));
  return { low, high, ticks };
}

function niceStep(rough: number, whole: boolean): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough * (1 - 1e-9))! * power;
  return whole ? Math.max(1, Math.round(step)) : step;
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
}

function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NEGATIVE_INFINITY;
  return [...values].sort((a, b) => a - b)[Math.floor(share * (values.length - 1))]!;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
