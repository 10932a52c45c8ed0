/** The report's gallery of worst mistakes. */
import { formatPercent, formatValue } from '../../core/format.ts';
import { html, type Markup, pathText, quoted } from '../../report/markup.ts';
import { gallery } from '../gallery.ts';
import type { Pictured } from '../image-task.ts';
import type { Measured } from '../task.ts';

/** A wrong prediction in class names. */
export interface NamedMistake {
  readonly label: string;
  readonly predicted: string;
  /** Probability of the predicted class. */
  readonly probability: number;
  readonly loss: Measured;
}

/** A mistake with what is needed to show it. */
export interface PicturedMistake extends NamedMistake, Pictured {}

/** The gallery, or the sentence that there is none. */
export function mistakeGallery(mistakes: readonly PicturedMistake[]): Markup {
  if (mistakes.length === 0) return html`<p>None: every validation image was classified correctly.</p>`;
  return html`<p class="soft">The wrong predictions with the highest loss, worst first. Look at the label too: where the model is sure and wrong, the label may be the mistake.</p>
${gallery(
  mistakes.map(({ path, thumbnail, label, predicted, probability, loss }) => ({
    path,
    thumbnail,
    alt: `${path}: ${label}, taken for ${predicted}`,
    caption: html`<span><b>${quoted(label)}</b> taken for <b class="wrong">${quoted(predicted)}</b>, ${formatPercent(probability, probability > 0.99 ? 2 : 0)} sure</span><span class="path">${pathText(path)}</span><span class="soft">loss ${formatValue(loss)}</span>`,
  })),
)}`;
}
