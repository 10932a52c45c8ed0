/** Questions about texts, as SQuAD's JSON files have them. */
import { DataError } from '../core/errors.ts';
import { oneLine } from '../core/printable.ts';
import type { SourceLike } from '../device/byte-source.ts';
import { isRecord } from '../io/base/json.ts';
import { readText } from './read-text.ts';

/** A right answer: a part of the context. */
export interface TextAnswer {
  readonly text: string;
  /** Where it begins in the context, in UTF-16 units; SQuAD's files count characters. */
  readonly start: number;
}

/** A question about a text. */
export interface ContextQuestion {
  readonly id: string;
  /** Of the article that the context is from; '' where the file names none. */
  readonly title: string;
  readonly question: string;
  readonly context: string;
  /** None where the context does not answer the question. */
  readonly answers: readonly TextAnswer[];
}

/**
 * Reads a JSON file of SQuAD's form, 1.1 or 2.0.
 * @param source the file
 * @throws DataError if it cannot be read or is of another form, or an answer is not where it should be.
 * @example
 * const questions = await readSquad('dev-v2.0.json');
 */
export async function readSquad(source: SourceLike): Promise<ContextQuestion[]> {
  const { name, text } = await readText(source);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new DataError(name, 'is no valid JSON. It is truncated or damaged: get it again.');
  }
  const questions: ContextQuestion[] = [];
  for (const [a, article] of list(name, json, 'data').entries()) {
    const title = isRecord(article) && typeof article.title === 'string' ? article.title : '';
    for (const [p, paragraph] of list(name, article, 'paragraphs', `data.${a}`).entries()) {
      const at = `data.${a}.paragraphs.${p}`;
      const context = textOf(name, paragraph, 'context', at);
      const place = placesOf(context);
      for (const [q, one] of list(name, paragraph, 'qas', at).entries()) {
        const question = textOf(name, one, 'question', `${at}.qas.${q}`);
        const id =
          isRecord(one) && (typeof one.id === 'string' || typeof one.id === 'number')
            ? String(one.id)
            : `${a}.${p}.${q}`;
        const impossible = isRecord(one) && one.is_impossible === true;
        const answers = impossible ? [] : list(name, one, 'answers', `${at}.qas.${q}`);
        questions.push({
          id,
          title,
          question,
          context,
          answers: answers.map((answer) => answerOf(name, id, answer, context, place)),
        });
      }
    }
  }
  if (questions.length === 0) throw new DataError(name, 'has no questions.');
  return questions;
}

function answerOf(
  name: string,
  id: string,
  answer: unknown,
  context: string,
  place: (character: number) => number,
): TextAnswer {
  const text = textOf(name, answer, 'text', `question ${id}: answers`);
  const start = isRecord(answer) ? answer.answer_start : undefined;
  if (typeof start !== 'number' || !Number.isInteger(start) || start < 0) {
    throw new DataError(name, `question ${id}: answer_start must be a whole number, 0 or more, got ${String(start)}.`);
  }
  // Characters in SQuAD's own files; units where a program in JavaScript counted.
  for (const unit of [place(start), start]) if (context.startsWith(text, unit)) return { text, start: unit };
  const there = context.slice(place(start), place(start) + text.length);
  throw new DataError(
    name,
    `question ${id}: the answer '${brief(text)}' is not at ${start} of its context, where '${brief(there)}' is. answer_start counts characters from 0.`,
  );
}

const brief = (text: string): string => oneLine(text.length > 40 ? `${text.slice(0, 40)}…` : text);

/** Where a character begins in UTF-16 units. */
function placesOf(text: string): (character: number) => number {
  if (!/[\ud800-\udbff]/.test(text)) return (character) => character;
  const places: number[] = [];
  let unit = 0;
  for (const character of text) {
    places.push(unit);
    unit += character.length;
  }
  return (character) => places[character] ?? unit;
}

function list(name: string, parent: unknown, key: string, at = ''): readonly unknown[] {
  const value = isRecord(parent) ? parent[key] : undefined;
  if (Array.isArray(value)) return value;
  throw new DataError(name, `${[at, key].filter(Boolean).join('.')} must be a list, as in SQuAD's files.`);
}

function textOf(name: string, parent: unknown, key: string, at: string): string {
  const value = isRecord(parent) ? parent[key] : undefined;
  if (typeof value === 'string') return value;
  throw new DataError(name, `${at}.${key} must be a text, as in SQuAD's files.`);
}
