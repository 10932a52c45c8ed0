/**
 * Weight files and models from one format to another.
 * @module regraft/convert
 */
export { type ConvertOptions, convert } from './convert.ts';
export { type ConvertedTensor, type ConvertReport, formatReport, type Verification } from './report.ts';
