/** A question and its text as a network takes them, in windows where the text is long. */
import type { ContextQuestion } from './squad.ts';
import type { Encoding } from './tokenizer/encoding.ts';
import type { Tokenizer } from './tokenizer/tokenizer.ts';

/** A part of the text with the question before it. */
export interface AnswerWindow {
  readonly encoding: Encoding;
  /** Tokens that the first answer begins and ends with; both are the first special token where it is not whole in the window. */
  readonly first: number;
  readonly last: number;
}

/** Options of {@link answerWindows}. */
export interface AnswerWindowsOptions {
  /** Tokens of a window, the question and special tokens among them: 384 by default. */
  readonly maxLength?: number;
  /** Tokens of the text that a window shares with the one before: 128 by default. */
  readonly stride?: number;
}

/**
 * The windows of a question's text, with the places of its first answer.
 * @param tokenizer of the network
 * @param question as {@link readSquad} gives it
 * @param options how long windows are
 * @throws ArgumentError if the question leaves no more room for the text than `stride`.
 */
export function answerWindows(
  tokenizer: Tokenizer,
  { question, context, answers }: Pick<ContextQuestion, 'question' | 'context' | 'answers'>,
  { maxLength = 384, stride = 128 }: AnswerWindowsOptions = {},
): AnswerWindow[] {
  const { overflow, ...rest } = tokenizer.encode(question.trimStart(), {
    pair: context,
    truncation: 'only_second',
    maxLength,
    stride,
  });
  const answer = answers[0];
  return [{ ...rest, overflow: [] }, ...overflow].map((encoding) => {
    const none = Math.max(encoding.specialMask.indexOf(1), 0);
    const place = answer && placeOf(encoding, answer.start, answer.start + answer.text.length);
    return { encoding, first: place?.[0] ?? none, last: place?.[1] ?? none };
  });
}

/** The tokens that units [start, end) of the second text are in; undefined where some are outside of the window. */
function placeOf({ sequences, offsets }: Encoding, start: number, end: number): readonly [number, number] | undefined {
  const [from, to] = [sequences.indexOf(1), sequences.lastIndexOf(1)];
  if (from < 0 || offsets[from]![0] > start || offsets[to]![1] < end || start >= end) return undefined;
  let [first, last] = [from, to];
  while (first < to && offsets[first]![1] <= start) first++;
  while (last > first && offsets[last]![0] >= end) last--;
  return [first, last];
}
