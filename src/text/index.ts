/**
 * Texts as networks take them: tokenizers, and readers of texts with labels.
 * @module regraft/text
 */
export type { SourceLike } from '../device/byte-source.ts';
export { type AnswerWindow, type AnswerWindowsOptions, answerWindows } from './answer-windows.ts';
export { type ReadConllOptions, readConll, type TaggedSentence, type TaggedText } from './conll.ts';
export { openTokenizer, type TokenizerSource } from './open-tokenizer.ts';
export { type ContextQuestion, readSquad, type TextAnswer } from './squad.ts';
export type { Encoding } from './tokenizer/encoding.ts';
export type { OpenTokenizerOptions } from './tokenizer/options.ts';
export type { PadOptions } from './tokenizer/pad.ts';
export type { SpecialName } from './tokenizer/special.ts';
export type { DecodeOptions, EncodeBatchOptions, EncodeOptions, TextInput, Tokenizer } from './tokenizer/tokenizer.ts';
export type { Side, Truncation } from './tokenizer/truncate.ts';
