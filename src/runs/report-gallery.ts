/** The gallery: photos with a model's answers about them, on one self-contained page that is written as they come. */
import { writeFileAtomic } from '#files';
import { plural } from '../core/format.ts';
import { thumbnail } from '../data/images/encode.ts';
import type { BadImage } from '../data/images/image-dataset.ts';
import { html, pathText, quoted } from '../report/markup.ts';
import { pageAround } from '../report/page.ts';
import type { Told } from '../tasks/image-task.ts';
import { DEFAULT_TASK, type TaskName } from '../tasks/kinds.ts';
import { imageTask } from '../tasks/registry.ts';
import type { ImagePrediction } from './predict-images.ts';

/** What the page says about all of its photos. */
export interface GalleryOptions {
  /** The model, as it was named. */
  readonly model: string;
  /** What it answers; image classification by default. */
  readonly task?: TaskName;
  /** How many photos there are to come. */
  readonly count: number;
  /** What a photo is called in its caption; its path by default. */
  readonly nameOf?: (file: string) => string;
}

/** Longer side of a picture, in pixels: twice what a phone shows it at. */
const SIDE = 320;
/** Pictures that are made smaller at a time. */
const AHEAD = 4;

const STYLE = /* css */ `
.predictions figcaption { display: block; }
.predictions .path { display: block; margin-bottom: .15rem; overflow-wrap: anywhere; line-height: 1.3; }
.score { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 .5rem; color: var(--soft); font-variant-numeric: tabular-nums; }
.score:first-of-type { color: var(--ink); font-weight: 600; }
.score::after { content: ""; grid-column: 1 / -1; height: .35rem; border-radius: 2px; margin: .1rem 0 .35rem; background: linear-gradient(to right, var(--hit) var(--share), var(--tint) 0); }
.score.plain::after { content: none; }
.score span { overflow-wrap: anywhere; }
.order { display: flex; flex-wrap: wrap; gap: .5rem; margin: 0 0 1.25rem; }
.order button { font: inherit; font-size: .88rem; padding: .25rem .75rem; border: 1px solid var(--line); border-radius: 5px; background: var(--paper); color: var(--ink); cursor: pointer; }
.order [aria-pressed=true] { border-color: var(--train); background: var(--tint); font-weight: 600; }
@media print { .predictions li { break-inside: avoid; } .score::after { print-color-adjust: exact; } }
`;

/** Sorts the photos by what the button says. */
const SCRIPT = /* js */ `
document.documentElement.classList.add('scripted');
const list = document.querySelector('.predictions'), photos = [...list.children];
const orders = {
  given: () => 0,
  unsure: (a, b) => a.dataset.share - b.dataset.share,
  sure: (a, b) => b.dataset.share - a.dataset.share,
  label: (a, b) => a.dataset.label.localeCompare(b.dataset.label, undefined, { numeric: true }) || b.dataset.share - a.dataset.share,
};
const buttons = [...document.querySelectorAll('.order button')];
for (const button of buttons)
  button.addEventListener('click', () => {
    for (const other of buttons) other.setAttribute('aria-pressed', String(other === button));
    for (const photo of [...photos].sort(orders[button.dataset.order])) list.append(photo);
  });
`;

/**
 * Writes the page while the predictions come, with the photos in it: one file, whole or not at all.
 * @throws RegraftError if it cannot be written, before the first prediction is asked for.
 */
export async function writeGallery(
  path: string,
  predictions: AsyncIterable<ImagePrediction<TaskName> | BadImage>,
  options: GalleryOptions,
): Promise<void> {
  await writeFileAtomic(path, encoded(galleryPage(predictions, options)));
}

async function* encoded(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  for await (const text of texts) yield encoder.encode(text);
}

/** The page in pieces. */
export async function* galleryPage(
  predictions: AsyncIterable<ImagePrediction<TaskName> | BadImage>,
  { model, task: name = DEFAULT_TASK, count, nameOf = (file) => file }: GalleryOptions,
): AsyncGenerator<string, void, undefined> {
  const bad: BadImage[] = [];
  const task = imageTask(name);
  const sure = task.labels !== 'values';
  const { head, tail } = pageAround(`${model}: ${plural(count, 'photo')}`, { style: STYLE, script: SCRIPT });
  yield head;
  yield html`<main>
<header><p class="eyebrow">regraft predict</p><h1><b>${plural(count, 'photo')}</b> ${sure ? 'classified' : 'measured'} by ${model}</h1>
${sure && html`<p class="lead">The bar is how sure the model is. Look at the least sure ones first: those are where it is wrong most often.</p>`}</header>
<section aria-label="Photos">
${
  sure &&
  html`<div class="order script" role="group" aria-label="Order">
<button type="button" data-order="given" aria-pressed="true">as named</button>
<button type="button" data-order="unsure" aria-pressed="false">least sure first</button>
<button type="button" data-order="sure" aria-pressed="false">surest first</button>
<button type="button" data-order="label" aria-pressed="false">by ${task.labels === 'labels' ? 'label' : 'class'}</button></div>`
}
<ul class="gallery predictions">
`.text;
  const ahead: Promise<string>[] = [];
  for await (const found of predictions) {
    if ('reason' in found) bad.push(found);
    else ahead.push(figure(found.file, task.told(found), nameOf(found.file)));
    if (ahead.length > AHEAD) yield await ahead.shift()!;
  }
  for (const item of ahead) yield await item;
  yield html`</ul></section>
${
  bad.length > 0 &&
  html`<section><h2>${plural(bad.length, 'file')} could not be read</h2><ul>${bad.map(({ path, reason }) => html`<li><b>${pathText(nameOf(path))}</b>: ${reason}</li>`)}</ul></section>`
}
</main>`.text;
  yield tail;
}

async function figure(file: string, answers: readonly Told[], name: string): Promise<string> {
  const picture = await thumbnail(file, SIDE).catch(() => null);
  const [first] = answers;
  return html`<li data-share="${first?.share ?? 0}" data-label="${first?.label ?? ''}"><figure>${
    picture === null
      ? html`<div class="missing">no picture</div>`
      : html`<img src="${picture}" alt="${name}: ${first?.label ?? 'none'}" loading="lazy">`
  }<figcaption><span class="path">${pathText(name)}</span>${answers.map(
    ({ label, text, share }) =>
      html`<div class="score${share === null && ' plain'}" style="--share:${((share ?? 0) * 100).toFixed(1)}%"><span>${quoted(label)}</span><span>${text}</span></div>`,
  )}${answers.length === 0 && html`<span class="soft">no label applies</span>`}</figcaption></figure></li>
`.text;
}
