/** Scores of texts beside those of seqeval, sacreBLEU, rouge_score and SQuAD's evaluations (`scripts/record-text-metrics.py`). */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { AnswerMetric, normalizeAnswer, scoreAnswer } from '../../../src/tasks/question-answering/public.ts';
import { BleuMetric, ChrfMetric, RougeMetric, tokenize13a } from '../../../src/tasks/seq2seq/public.ts';
import { EntityMetric, entitiesOf, type TagScheme } from '../../../src/tasks/token-classification/public.ts';

type Four = [precision: number, recall: number, f1: number, support: number];

interface Bleu {
  readonly score: number;
  readonly precisions: number[];
  readonly bp: number;
  readonly lengths: number[];
  readonly signature: string;
}

interface Fixture {
  readonly entities: readonly {
    readonly scheme: TagScheme;
    readonly truth: string[][];
    readonly found: string[][];
    readonly micro: Four;
    readonly macroF1: number;
    readonly accuracy: number;
    readonly types: Readonly<Record<string, Four>>;
  }[];
  readonly squad: {
    readonly rows: readonly {
      readonly answer: string;
      readonly references: string[];
      readonly normalized: string;
      readonly v1: number[] | null;
      readonly v2: number[];
    }[];
  };
  readonly generation: {
    readonly texts: readonly { readonly found: string; readonly references: string[] }[];
    readonly tokens: string[][];
    readonly sets: Readonly<
      Record<
        string,
        {
          readonly bleu: { readonly mixed: Bleu; readonly lower: Bleu };
          readonly single: number[];
          readonly chrf: Readonly<Record<string, number>>;
          readonly singleChrf: number[];
          readonly rouge: number[][];
        }
      >
    >;
  };
}

const fixture = JSON.parse(
  readFileSync(new URL('../../fixtures/text-metrics.json', import.meta.url), 'utf8'),
) as Fixture;

/** Numbers that agree to so many digits behind the point. */
function close(got: readonly (number | null)[], expected: readonly number[], digits: number): void {
  expect(got.length).toBe(expected.length);
  for (const [i, value] of got.entries()) expect(value).toBeCloseTo(expected[i]!, digits);
}

const faultOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return 'none';
};

describe('entities', () => {
  test.each(fixture.entities.map((one, i) => [`${one.scheme} ${i}`, one] as const))('%s', (_, one) => {
    const metric = new EntityMetric({ scheme: one.scheme });
    for (const [i, truth] of one.truth.entries()) metric.add(one.found[i]!, truth);
    const { perEntity, macroF1, tokenAccuracy, ...micro } = metric.evaluate();
    // seqeval gives 0 where there is nothing to divide by.
    const four = ({ precision, recall, f1, support }: typeof micro) => [precision ?? 0, recall ?? 0, f1 ?? 0, support];
    close(four(micro), one.micro, 12);
    expect(macroF1).toBeCloseTo(one.macroF1, 12);
    expect(tokenAccuracy).toBeCloseTo(one.accuracy, 12);
    expect(perEntity.map(({ label }) => label)).toEqual(Object.keys(one.types).sort());
    for (const scores of perEntity) close(four(scores), one.types[scores.label]!, 12);
  });

  test('places, and a metric with nothing in it', () => {
    expect(entitiesOf(['B-PER', 'I-PER', 'O', 'I-LOC', 'B-LOC'])).toEqual([
      { type: 'PER', start: 0, end: 2 },
      { type: 'LOC', start: 3, end: 4 },
      { type: 'LOC', start: 4, end: 5 },
    ]);
    expect(new EntityMetric().evaluate()).toEqual({
      precision: null,
      recall: null,
      f1: null,
      support: 0,
      macroF1: null,
      tokenAccuracy: null,
      perEntity: [],
    });
  });

  test('what is no tag', () => {
    expect(faultOf(() => entitiesOf(['PER']))).toBe(
      "ArgumentError: entitiesOf: expected tags of conlleval (B-…, I-…, O, E-…, S-…), got 'PER'.",
    );
    expect(faultOf(() => entitiesOf(['E-PER'], 'IOB2'))).toBe(
      "ArgumentError: entitiesOf: expected tags of IOB2 (B-…, I-…, O), got 'E-PER'.",
    );
    expect(faultOf(() => new EntityMetric().add(['O'], []))).toBe(
      'ArgumentError: EntityMetric: expected as many tags of both, got 1 and 0.',
    );
    expect(faultOf(() => new EntityMetric({ scheme: 'IOB' as never }))).toBe(
      "ArgumentError: EntityMetric: scheme must be conlleval, IOB2, IOBES or BILOU, got 'IOB'.",
    );
  });
});

describe('answers', () => {
  test.each(fixture.squad.rows.map((row) => [row.answer, row] as const))(
    '%s',
    (answer, { references, normalized, v1, v2 }) => {
      expect(normalizeAnswer(answer)).toBe(normalized);
      expect(Object.values(scoreAnswer(answer, references))).toEqual(v2);
      if (v1) expect(Object.values(scoreAnswer(answer, references, '1.1'))).toEqual(v1);
    },
  );

  test('of all questions, and of those with and without an answer', () => {
    const metric = new AnswerMetric();
    const { rows } = fixture.squad;
    for (const { answer, references } of rows) metric.add(answer, references);
    const { hasAnswer, noAnswer, ...all } = metric.evaluate();
    const mean = (k: number, some: typeof rows) => some.reduce((sum, { v2 }) => sum + v2[k]!, 0) / some.length;
    expect(all.questions).toBe(rows.length);
    expect(all.exactMatch).toBeCloseTo(mean(0, rows), 12);
    expect(all.f1).toBeCloseTo(mean(1, rows), 12);
    expect(hasAnswer.f1).toBeCloseTo(
      mean(
        1,
        rows.filter(({ references }) => references.length > 0),
      ),
      12,
    );
    expect(noAnswer.exactMatch).toBeCloseTo(
      mean(
        0,
        rows.filter(({ references }) => references.length === 0),
      ),
      12,
    );
    expect(new AnswerMetric().evaluate().f1).toBeNull();
  });

  test('what is no question', () => {
    expect(faultOf(() => new AnswerMetric({ version: '1.1' }).add('', []))).toBe(
      "ArgumentError: AnswerMetric: SQuAD 1.1 has no question without an answer. Pass { version: '2.0' }.",
    );
    expect(faultOf(() => new AnswerMetric().add('a', 'a' as never))).toBe(
      'ArgumentError: AnswerMetric: expected the text of an answer and a list of references.',
    );
  });
});

describe('generated texts', () => {
  const { texts, tokens, sets } = fixture.generation;

  test('13a tokens', () => {
    expect(texts.map(({ found }) => tokenize13a(found.trimEnd()))).toEqual(tokens);
  });

  describe.each(Object.keys(sets))('%s', (name) => {
    const expected = sets[name]!;
    const references = (all: readonly string[]) => (name === 'first' ? all.slice(0, 1) : all);

    test('BLEU', () => {
      for (const lowercase of [false, true]) {
        const metric = new BleuMetric({ lowercase });
        for (const one of texts) metric.add(one.found, references(one.references));
        const { score, precisions, brevityPenalty, lengths, signature } = metric.evaluate();
        const bleu = expected.bleu[lowercase ? 'lower' : 'mixed'];
        expect(score).toBeCloseTo(bleu.score, 9);
        close(precisions, bleu.precisions, 9);
        expect(brevityPenalty).toBeCloseTo(bleu.bp, 12);
        expect([lengths.found, lengths.references]).toEqual(bleu.lengths);
        expect(signature).toBe(bleu.signature);
      }
      const single = texts.map((one) => new BleuMetric().add(one.found, references(one.references)).evaluate().score);
      close(single, expected.single, 9);
    });

    test('chrF', () => {
      const options = { chrf2: {}, 'chrf2++': { wordOrder: 2 }, lower: { lowercase: true } };
      for (const [key, option] of Object.entries(options)) {
        const metric = new ChrfMetric(option);
        for (const one of texts) metric.add(one.found, references(one.references));
        expect(metric.evaluate()).toBeCloseTo(expected.chrf[key]!, 9);
      }
      const single = texts.map((one) => new ChrfMetric().add(one.found, references(one.references)).evaluate());
      close(single, expected.singleChrf, 9);
    });

    test('ROUGE', () => {
      const scores = texts.map((one) => new RougeMetric().add(one.found, references(one.references)).evaluate());
      for (const [i, { rouge1, rouge2, rougeL, rougeLsum }] of scores.entries())
        close([rouge1, rouge2, rougeL, rougeLsum], expected.rouge[i]!, 12);
      const all = texts.reduce((metric, one) => metric.add(one.found, references(one.references)), new RougeMetric());
      const mean = expected.rouge.reduce((sum, row) => sum + row[2]!, 0) / texts.length;
      expect(all.evaluate().rougeL).toBeCloseTo(mean, 12);
    });
  });

  test('no texts, no references', () => {
    expect(new RougeMetric().evaluate().rougeL).toBeNull();
    expect(new ChrfMetric().evaluate()).toBe(0);
    expect(new BleuMetric().evaluate()).toMatchObject({ score: 0, brevityPenalty: 1 });
    const metrics = { BleuMetric: new BleuMetric(), ChrfMetric: new ChrfMetric(), RougeMetric: new RougeMetric() };
    for (const [name, metric] of Object.entries(metrics)) {
      expect(faultOf(() => metric.add('a', []))).toBe(
        `ArgumentError: ${name}: expected a text and at least one reference. Leave out texts that have none.`,
      );
    }
  });
});
