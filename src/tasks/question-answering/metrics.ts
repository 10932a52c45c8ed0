/** Scores of answers, as SQuAD's evaluation counts them. */
import { check, oneOf } from '../../core/check.ts';
import { ArgumentError } from '../../core/errors.ts';
import { counted, shared, splitSpaces } from '../python-text.ts';

/** Means over questions, from 0 to 1; null where there are none. */
export interface AnswerScores {
  /** Share of the answers that are a reference's text, but for case, punctuation, articles and spaces. */
  readonly exactMatch: number | null;
  /** Mean F1 of the words, with the reference that it is highest with. */
  readonly f1: number | null;
  readonly questions: number;
}

/** What {@link AnswerMetric} tells. */
export interface AnswerEvaluation extends AnswerScores {
  /** Of the questions that have an answer. */
  readonly hasAnswer: AnswerScores;
  /** Of those that have none. */
  readonly noAnswer: AnswerScores;
}

/** A text as answers are compared: lower case, without ASCII punctuation and English articles, words with one space between them. */
export function normalizeAnswer(text: string): string {
  const bare = text.toLowerCase().replace(/[!-/:-@[-`{-~]/g, '');
  return splitSpaces(bare.replace(/(?<![\p{L}\p{N}_])(a|an|the)(?![\p{L}\p{N}_])/gu, ' ')).join(' ');
}

/** Whose rules: they differ for texts that are nothing but articles and punctuation, and 1.1 knows no question without an answer. */
export type SquadVersion = '1.1' | '2.0';

/**
 * Exact match and F1 of an answer beside the references: the best of each.
 * @param references texts of right answers; none for a question without an answer, whose right answer is the empty text
 * @param version of SQuAD's evaluation
 */
export function scoreAnswer(
  answer: string,
  references: readonly string[],
  version: SquadVersion = '2.0',
): { readonly exactMatch: number; readonly f1: number } {
  const filled = version === '1.1' ? references : references.filter((text) => normalizeAnswer(text) !== '');
  const known = filled.length > 0 ? filled : [''];
  return {
    exactMatch: Math.max(...known.map((text) => Number(normalizeAnswer(text) === normalizeAnswer(answer)))),
    f1: Math.max(...known.map((text) => wordF1(answer, text, version))),
  };
}

function wordF1(answer: string, reference: string, version: SquadVersion): number {
  const [found, there] = [answer, reference].map((text) => splitSpaces(normalizeAnswer(text)));
  const empty = found!.length === 0 || there!.length === 0;
  if (empty && version === '2.0') return Number(found!.length === there!.length);
  const both = shared(counted(found!), counted(there!));
  if (both === 0) return 0;
  const [precision, recall] = [both / found!.length, both / there!.length];
  return (2 * precision * recall) / (precision + recall);
}

/** Options of {@link AnswerMetric}. */
export interface AnswerMetricOptions {
  /** Of SQuAD's evaluation; 2.0 by default. */
  readonly version?: SquadVersion;
}

/**
 * Exact match and F1 of answers, gathered question by question: SQuAD's numbers, from 0 to 1.
 * @example
 * const metric = new AnswerMetric().add('in Paris', ['Paris', 'the city of Paris']);
 * console.log(metric.evaluate().f1); // 0.667
 */
export class AnswerMetric {
  readonly #sums = {
    hasAnswer: { exactMatch: 0, f1: 0, questions: 0 },
    noAnswer: { exactMatch: 0, f1: 0, questions: 0 },
  };

  readonly #version: SquadVersion;

  constructor({ version = '2.0' }: AnswerMetricOptions = {}) {
    this.#version = check('AnswerMetric', 'version', version, oneOf('1.1', '2.0'));
  }

  /**
   * Adds a question.
   * @param answer its answer as it was predicted; the empty text for none
   * @param references texts of right answers; none where it has no answer
   * @throws ArgumentError for a question without an answer in version 1.1.
   */
  add(answer: string, references: readonly string[]): this {
    if (typeof answer !== 'string' || !Array.isArray(references)) {
      throw new ArgumentError('AnswerMetric: expected the text of an answer and a list of references.');
    }
    if (references.length === 0 && this.#version === '1.1') {
      throw new ArgumentError("AnswerMetric: SQuAD 1.1 has no question without an answer. Pass { version: '2.0' }.");
    }
    const { exactMatch, f1 } = scoreAnswer(answer, references, this.#version);
    const sums = this.#sums[references.length > 0 ? 'hasAnswer' : 'noAnswer'];
    sums.exactMatch += exactMatch;
    sums.f1 += f1;
    sums.questions++;
    return this;
  }

  /** The scores of all questions so far. */
  evaluate(): AnswerEvaluation {
    const { hasAnswer, noAnswer } = this.#sums;
    const all = {
      exactMatch: hasAnswer.exactMatch + noAnswer.exactMatch,
      f1: hasAnswer.f1 + noAnswer.f1,
      questions: hasAnswer.questions + noAnswer.questions,
    };
    return { ...means(all), hasAnswer: means(hasAnswer), noAnswer: means(noAnswer) };
  }
}

function means({ exactMatch, f1, questions }: { exactMatch: number; f1: number; questions: number }): AnswerScores {
  const mean = (sum: number) => (questions === 0 ? null : sum / questions);
  return { exactMatch: mean(exactMatch), f1: mean(f1), questions };
}
