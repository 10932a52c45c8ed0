/** What programs import of texts that are made of texts: translation, summarisation. */
export { BleuMetric, type BleuOptions, type BleuScore, tokenize13a } from './bleu.ts';
export { ChrfMetric, type ChrfOptions } from './chrf.ts';
export { RougeMetric, type RougeScores } from './rouge.ts';
