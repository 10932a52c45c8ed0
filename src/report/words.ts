/** The field's words, each explained in a sentence where the report first uses it. */
import { html, type Markup } from './markup.ts';

const MEANINGS = {
  accuracy: 'The share of images whose most probable class is the right one.',
  adapter: 'The GPU that did the work, or the program that stands in for one.',
  'calibration error':
    'How far the network’s confidence is from how often it is right, on average. At 5 %, of the answers it gives with 90 % about 85 to 95 % are right.',
  'confidence interval':
    'Other images of the same kind would give another accuracy; in 19 of 20 cases the true one lies in here.',
  digest: 'A fingerprint of the numbers: had a single byte changed, it would be another.',
  epoch: 'One pass over all training images.',
  F1: 'One number for precision and recall: their harmonic mean. 100 % is best.',
  frozen: 'Kept as it was: training does not change it.',
  head: 'The last layer, which turns what the network sees into a score for each class. It was new, since your classes are.',
  'learning rate': 'How far each step of training moves the parameters.',
  loss: 'How wrong the answers are, with more weight on those that were given with confidence. 0 is best.',
  parameters: 'The numbers that a network has learned.',
  precision: 'Of the images predicted as the class, the share that belongs to it.',
  recall: 'Of the images of the class, the share that was found.',
  'top-5': 'The right class is among the five most probable ones.',
  trunk:
    'The pretrained part of the network, below the head. Frozen, it gives the same result for an image in every epoch.',
  'validation images': 'Images that were held out: the network has not learned from them.',
} as const;

/** A word that tells its meaning when it is pointed at, tapped or reached by keyboard; `shown` where its form is another. */
export function term(word: keyof typeof MEANINGS, shown: string = word): Markup {
  const meaning = MEANINGS[word];
  return html`<span class="term" tabindex="0" role="note" aria-label="${shown}: ${meaning}" data-meaning="${meaning}">${shown}</span>`;
}
