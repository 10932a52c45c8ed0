/** What programs import of text classification. */
export { type TextClassificationOptions, textClassification } from './task.ts';
