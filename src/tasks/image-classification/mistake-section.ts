/** The report's gallery of worst mistakes. */
import { formatPercent, formatValue } from '../../core/format.ts';
import { html, type Markup, pathText, quoted } from '../../report/markup.ts';
import type { Measured } from '../task.ts';

/** A mistake with what is needed to show it. */
export interface PicturedMistake {
  readonly path: string;
  /** A small picture as `data:image/jpeg;base64,…`; null where there is none. */
  readonly thumbnail: string | null;
  /** Class names. */
  readonly label: string;
  readonly predicted: string;
  /** Probability of the predicted class. */
  readonly probability: number;
  readonly loss: Measured;
}

/** The gallery, or the sentence that there is none. */
export function mistakeGallery(mistakes: readonly PicturedMistake[]): Markup {
  if (mistakes.length === 0) return html`<p>None: every validation image was classified correctly.</p>`;
  return html`<p class="soft">The wrong predictions with the highest loss, worst first. Look at the label too: where the model is sure and wrong, the label may be the mistake.</p>
<ul class="gallery">${mistakes.map((mistake) => {
    const { path, label, predicted, probability, loss } = mistake;
    return html`<li><figure>${picture(mistake)}
<figcaption><span><b>${quoted(label)}</b> taken for <b class="wrong">${quoted(predicted)}</b>, ${formatPercent(probability, probability > 0.99 ? 2 : 0)} sure</span><span class="path">${pathText(path)}</span><span class="soft">loss ${formatValue(loss)}</span></figcaption></figure></li>`;
  })}</ul>`;
}

/** Only pictures that the file itself carries: the report never loads anything. They are decoded with the page, for print too. */
function picture({ thumbnail, path, label, predicted }: PicturedMistake): Markup {
  if (thumbnail === null || !/^data:image\/(?:jpeg|png|webp|gif|avif);base64,[A-Za-z0-9+/=]+$/.test(thumbnail))
    return html`<div class="missing">no picture</div>`;
  return html`<img src="${thumbnail}" alt="${path}: ${label}, taken for ${predicted}" decoding="sync">`;
}
