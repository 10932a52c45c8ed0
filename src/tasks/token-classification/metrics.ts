/** Scores of entities, as seqeval counts them: an entity is found if its type, its first and its last token are right. */
import { check, oneOf } from '../../core/check.ts';
import { ArgumentError } from '../../core/errors.ts';
import { entitiesOf, type TagScheme } from './entities.ts';

/** Scores of the entities of one type, or of all. A ratio with nothing to divide by is null. */
export interface EntityScores {
  /** Share of those found that are there. */
  readonly precision: number | null;
  /** Share of those there that were found. */
  readonly recall: number | null;
  /** Harmonic mean of the two; null where none is there and none was found. */
  readonly f1: number | null;
  /** Entities that are there. */
  readonly support: number;
}

/** What {@link EntityMetric} tells: of all entities together (micro average), and by type. */
export interface EntityEvaluation extends EntityScores {
  /** Mean F1 of the types that are there or found. */
  readonly macroF1: number | null;
  /** Share of the tokens with the right tag. */
  readonly tokenAccuracy: number | null;
  /** One entry a type, by name. */
  readonly perEntity: readonly (EntityScores & { readonly label: string })[];
}

/** Options of {@link EntityMetric}. */
export interface EntityMetricOptions {
  /** How tags tell where entities are: `conlleval` by default. */
  readonly scheme?: TagScheme;
}

/**
 * Precision, recall and F1 of entities, gathered sentence by sentence: seqeval's numbers. Tokens that do not count, such as later pieces
 * of a word, are left out of both lists before.
 * @example
 * const metric = new EntityMetric();
 * metric.add(['B-PER', 'I-PER', 'O'], ['B-PER', 'I-PER', 'O']);
 * console.log(metric.evaluate().f1); // 1
 */
export class EntityMetric {
  readonly #scheme: TagScheme;
  readonly #counts = new Map<string, Counts>();
  #tokens = 0;
  #right = 0;

  constructor({ scheme = 'conlleval' }: EntityMetricOptions = {}) {
    this.#scheme = check('EntityMetric', 'scheme', scheme, oneOf('conlleval', 'IOB2', 'IOBES', 'BILOU'));
  }

  /**
   * Adds a sentence.
   * @param found its tags as they were predicted
   * @param truth its tags as they are
   * @throws ArgumentError where they are not as many, or one is no tag of the scheme.
   */
  add(found: readonly string[], truth: readonly string[]): this {
    if (found.length !== truth.length) {
      throw new ArgumentError(`EntityMetric: expected as many tags of both, got ${found.length} and ${truth.length}.`);
    }
    const [foundEntities, trueEntities] = [found, truth].map((tags) => entitiesOf(tags, this.#scheme));
    const keyOf = (type: string, start: number, end: number) => `${start} ${end} ${type}`;
    const known = new Set(trueEntities!.map(({ type, start, end }) => keyOf(type, start, end)));
    for (const { type } of trueEntities!) this.#of(type).there++;
    for (const { type, start, end } of foundEntities!) {
      const counts = this.#of(type);
      counts.found++;
      if (known.has(keyOf(type, start, end))) counts.both++;
    }
    this.#tokens += truth.length;
    this.#right += truth.filter((tag, i) => tag === found[i]).length;
    return this;
  }

  /** The scores of all sentences so far. */
  evaluate(): EntityEvaluation {
    const all: Counts = { both: 0, found: 0, there: 0 };
    const perEntity = [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([label, counts]) => {
        for (const key of ['both', 'found', 'there'] as const) all[key] += counts[key];
        return { label, ...scoresOf(counts) };
      });
    const sum = perEntity.reduce((total, { f1 }) => total + (f1 ?? 0), 0);
    return {
      ...scoresOf(all),
      macroF1: ratio(sum, perEntity.length),
      tokenAccuracy: ratio(this.#right, this.#tokens),
      perEntity,
    };
  }

  #of(type: string): Counts {
    const counts = this.#counts.get(type) ?? { both: 0, found: 0, there: 0 };
    this.#counts.set(type, counts);
    return counts;
  }
}

interface Counts {
  both: number;
  found: number;
  there: number;
}

const scoresOf = ({ both, found, there }: Counts): EntityScores => ({
  precision: ratio(both, found),
  recall: ratio(both, there),
  f1: ratio(2 * both, found + there),
  support: there,
});

const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
