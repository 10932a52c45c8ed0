/** The report's figures and tables: key figures, epochs, freezing proof, time, run facts. */
import { formatBytes, formatCount, formatDuration, formatPercent, formatValue } from '../core/format.ts';
import { type Content, commandText, html, type Markup, pathText, quoted } from '../report/markup.ts';
import { term } from '../report/words.ts';
import type { Figure } from '../tasks/image-task.ts';
import { type TaskName, taskKind } from '../tasks/kinds.ts';
import { formatScore } from '../tasks/task.ts';
import { type EpochRecord, type Part, scoreKey } from '../train/history.ts';
import { freezingInWords } from './freezing-words.ts';
import type { FinetuneResult } from './result.ts';

/** The strip of key figures under the headline. @param scores those of the task */
export function keyFigures(result: FinetuneResult<TaskName>, scores: readonly Figure[]): Markup {
  const { evaluation, model, history, seconds } = result;
  const figures: Figure[] = [];
  if (evaluation) {
    const kept = history.find((record) => record.epoch === result.bestEpoch);
    figures.push([html`validation ${term('loss')}`, formatValue(kept?.validationLoss ?? null)]);
    figures.push(...scores);
  }
  const { trainable, total } = model.parameters;
  figures.push([
    html`trained ${term('parameters')}`,
    formatCount(trainable, { compact: true }),
    trainable < total && `of ${formatCount(total, { compact: true })}`,
  ]);
  figures.push(['run time', formatDuration(seconds.total)]);
  const epoch = median(history.map(epochSeconds));
  if (epoch !== null) figures.push([html`time of an ${term('epoch')}`, formatDuration(epoch), epochParts(history)]);
  if (result.peakGpuBytes !== null) figures.push(['peak GPU memory', formatBytes(result.peakGpuBytes)]);
  return html`<dl class="figures">${figures.map(
    ([name, value, note]) => html`<div><dt>${name}</dt><dd>${value}${note && html`<small>${note}</small>`}</dd></div>`,
  )}</dl>`;
}

/** From the first batch of an epoch to the end of its validation. */
function epochSeconds({ seconds, validationSeconds }: EpochRecord): number {
  return seconds + (validationSeconds ?? 0);
}

function epochParts(history: readonly EpochRecord[]): Content {
  const validation = median(history.flatMap(({ validationSeconds }) => validationSeconds ?? []));
  return validation !== null && `median; ${formatDuration(validation)} of it validation`;
}

/** Every epoch in figures: the curves for those who do not see them. */
export function epochTable({ task, history, phases }: FinetuneResult<TaskName>): Markup {
  const validated = history.some((record) => record.validationLoss !== null);
  const scores = (part: Part) =>
    taskKind(task)
      .scores.map((kind) => ({ ...kind, key: scoreKey(part, kind.name) }))
      .filter(({ key }) => history.some((record) => record[key] !== null));
  const [training, validation] = [scores('train'), validated ? scores('validation') : []];
  const columns = [
    'epoch',
    ...(phases.length > 1 ? ['phase'] : []),
    'training loss',
    ...training.map(({ title }) => `training ${title}`),
    ...(validated ? ['validation loss'] : []),
    ...validation.map(({ title }) => `validation ${title}`),
    'learning rate',
    'training time',
    ...(validated ? ['validation time'] : []),
    'images/s',
  ];
  const number = (text: Content) => html`<td class="number">${text}</td>`;
  const scored = (record: EpochRecord, kinds: typeof training) =>
    kinds.map((kind) => number(formatScore(kind, record[kind.key] ?? null)));
  return html`<div tabindex="0" class="scroll epochs"><table>
<caption>Epoch by epoch</caption>
<thead><tr>${columns.map((name) => html`<th scope="col"${numeric(name)}>${name}</th>`)}</tr></thead>
<tbody>${history.map(
    (r) =>
      html`<tr><th scope="row" class="number">${r.epoch}</th>${phases.length > 1 && html`<td>${phases[r.phase]?.name}</td>`}${number(formatValue(r.trainLoss))}${scored(r, training)}${validated && number(formatValue(r.validationLoss))}${scored(r, validation)}${number(formatRate(r.learningRate))}${number(formatDuration(r.seconds))}${validated && number(formatDuration(r.validationSeconds ?? null))}${number(html`${formatCount(Math.round(r.imagesPerSecond))}${r.cached && html` <small>cached</small>`}`)}</tr>\n`,
  )}</tbody></table></div>`;
}

function numeric(column: string): Content {
  return column !== 'phase' && html` class="number"`;
}

/** What was frozen and the proof that nothing of it changed. */
export function freezingProof({ frozen, model }: FinetuneResult<TaskName>): Markup {
  const { total, trainable } = model.parameters;
  if (frozen.tensors === 0) return html`<p>Nothing was frozen: all ${formatCount(total)} parameters were trained.</p>`;
  const intact = frozen.changedBytes === 0 && frozen.digestBefore === frozen.digestAfter;
  return html`<p class="proof ${intact ? 'intact' : 'broken'}"><b>${freezingInWords(frozen)}</b> ${
    intact
      ? html`A ${term('digest')} over every frozen parameter and buffer, taken before and after the run, is the same.`
      : 'This must never happen: please report it as a bug.'
  }</p>
<div class="split" role="img" aria-label="${formatPercent(trainable / total)} of the parameters were trained"><i style="--share:${Math.max(0.5, Math.round((trainable / total) * 1000) / 10)}%"></i></div>
<p class="soft split-legend"><span><i class="swatch train"></i>${formatCount(trainable)} trained (${formatPercent(trainable / total)})</span><span><i class="swatch rest"></i>${formatCount(total - trainable)} frozen</span></p>
<dl class="facts"><div><dt>frozen bytes</dt><dd>${formatBytes(frozen.bytes)} <span class="soft">(parameters and buffers)</span></dd></div>
<div><dt>digest before</dt><dd class="digest">${frozen.digestBefore}</dd></div><div><dt>digest after</dt><dd class="digest">${frozen.digestAfter}</dd></div></dl>
${frozen.names && frozen.names.length > 0 && html`<details><summary>The ${formatCount(frozen.names.length)} frozen tensors by name</summary><p class="names">${frozen.names.map((name) => html`<code>${name}</code> `)}</p></details>`}`;
}

/** Where the time went. */
export function timing({ seconds, history }: FinetuneResult<TaskName>): Markup {
  const named = Object.entries(seconds.parts);
  const rest = named.reduce((left, [, value]) => left - value, seconds.total);
  const parts = rest > seconds.total / 200 ? [...named, ['everything else', rest] as const] : named;
  return html`<table class="timing"><caption>Time by part of the run</caption>
<thead><tr><th scope="col">part</th><th scope="col" class="number">time</th><th scope="col" class="number">share</th></tr></thead>
<tbody>${parts.map(
    ([name, value]) =>
      html`<tr><th scope="row">${name}</th><td class="number">${formatDuration(value)}</td><td class="number bar" style="--share:${seconds.total > 0 ? Math.round((value / seconds.total) * 1000) / 10 : 0}%">${formatShare(value, seconds.total)}</td></tr>`,
  )}</tbody>
<tfoot><tr><th scope="row">whole run</th><td class="number">${formatDuration(seconds.total)}</td><td></td></tr></tfoot></table>
${seconds.compiling !== undefined && html`<p class="soft">Compiling shaders took ${formatDuration(seconds.compiling)} of it, most of that in the first epoch.</p>`}${cacheGain(history)}`;
}

function cacheGain(history: readonly EpochRecord[]): Content {
  const [cached = null, full = null] = [true, false].map((kind) =>
    median(history.filter((r) => r.cached === kind).map(epochSeconds)),
  );
  if (cached === null || full === null) return null;
  return html`<p class="soft">With what the frozen ${term('trunk')} gives kept from the first epoch on, an epoch took ${formatDuration(cached)}, without ${formatDuration(full)} (medians, validation included).</p>`;
}

/** Model, weights, data, adapter, and what the run was given. */
export function runFacts(result: FinetuneResult<TaskName>): Markup {
  const { model, data, adapter, hyperparameters, phases } = result;
  const facts: [Content, Content][] = [
    ['date', html`<time datetime="${result.date}">${formatDate(result.date)}</time>`],
    ['regraft', result.version],
    ['model', html`${model.name} <span class="soft">(${formatCount(model.parameters.total)} parameters)</span>`],
    [
      'initial weights',
      model.weights
        ? html`${quoted(model.weights.source)}<span class="digest">sha256 ${model.weights.sha256}</span>`
        : 'random',
    ],
    [
      'images',
      html`${formatCount(data.trainImages)} for training, ${formatCount(data.validationImages)} for validation${data.skipped.length > 0 && html`, ${formatCount(data.skipped.length)} skipped`}`,
    ],
    [
      term('adapter'),
      html`${adapter.description}${adapter.software && html` <span class="soft">(software, no GPU)</span>`}<span class="soft block">${[adapter.vendor, adapter.architecture].filter(Boolean).join(', ')}</span>`,
    ],
  ];
  if (result.peakGpuBytes !== null) facts.push(['peak GPU memory', formatBytes(result.peakGpuBytes)]);
  return html`<div class="columns"><div><h3>Model, data, machine</h3>${factList(facts)}</div>
<div><h3>Hyperparameters</h3>${factList(Object.entries(hyperparameters).flatMap(([name, value]) => (value === null ? [] : [[words(name), String(value)] as const])))}</div></div>
${
  phases.length > 0 &&
  html`<h3>Phases</h3><div tabindex="0" class="scroll"><table><caption>What was trained, in order</caption>
<thead><tr><th scope="col">phase</th><th scope="col" class="number">epochs</th><th scope="col" class="number">learning rate</th><th scope="col" class="number">trainable parameters</th><th scope="col">frozen until</th></tr></thead>
<tbody>${phases.map(
    (p) =>
      html`<tr><th scope="row">${p.name}</th><td class="number">${p.epochs}</td><td class="number">${formatRate(p.learningRate)}</td><td class="number">${formatCount(p.trainableParameters)}</td><td>${p.frozenUntil === null ? 'nothing frozen' : html`<code>${p.frozenUntil}</code>`}</td></tr>`,
  )}</tbody></table></div>`
}`;
}

/** Of a folder full of other things, so many files are named. */
const SKIPPED = 200;

/** The files that could not be used, or null. */
export function skippedFiles({ data }: FinetuneResult<TaskName>): Markup | null {
  if (data.skipped.length === 0) return null;
  return html`<div tabindex="0" class="scroll skipped"><table><caption>Not used, neither for training nor for validation</caption>
<thead><tr><th scope="col">file</th><th scope="col">reason</th></tr></thead>
<tbody>${data.skipped.slice(0, SKIPPED).map(({ path, reason }) => html`<tr><th scope="row">${pathText(path)}</th><td>${reason}</td></tr>`)}</tbody></table></div>${
    data.skipped.length > SKIPPED &&
    html`<p class="soft">The other ${formatCount(data.skipped.length - SKIPPED)} are in <code>metrics.json</code>, under <code>data.skipped</code>.</p>`
  }`;
}

/** The commands: as typed, and in full. */
export function reproduction({ command, reproduce }: FinetuneResult<TaskName>): Markup {
  return html`<p class="soft">With every default and the seed spelled out:</p>
<div class="command"><pre><code id="reproduce">${commandText(reproduce)}</code></pre><button type="button" class="script" data-copy="reproduce">Copy</button></div>
${command !== reproduce && html`<p class="soft">As it was typed:</p><div class="command"><pre><code>${commandText(command)}</code></pre></div>`}`;
}

/** `batchSize` as `batch size`. */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** In whole per cent; what would round to none is still there. */
function formatShare(part: number, whole: number): string {
  return part > 0 && part < whole / 200 ? '< 1\u00a0%' : formatPercent(whole > 0 ? part / whole : null, 0);
}

function factList(facts: readonly (readonly [Content, Content])[]): Markup {
  return html`<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function formatRate(rate: number): string {
  return rate !== 0 && Math.abs(rate) < 1e-3 ? rate.toExponential(2) : String(Number(rate.toPrecision(4)));
}

function formatDate(date: string): string {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(date)
    ? `${date.slice(0, 10)} ${date.slice(11, 16)}${date.endsWith('Z') ? ' UTC' : ''}`
    : date;
}

function median(values: readonly number[]): number | null {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
