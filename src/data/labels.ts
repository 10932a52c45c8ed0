/** What samples are labelled with: classes by index, or numbers to come close to. */
import { ArgumentError } from '../core/errors.ts';

/** A class's index, or float targets: a row for regression or for several labels at once. */
export type Label = number | Float32Array;

/** The labels of some samples: int32 class indices [N], or float32 targets [N, K] row-major. */
export type Labels = Int32Array | Float32Array;

/**
 * Lays labels one after another.
 * @param nameOf what the sample at a place is called in errors
 * @throws ArgumentError for a class that is no whole number, and where kinds or lengths differ.
 */
export function stackLabels(labels: readonly Label[], nameOf: (at: number) => string): Labels {
  const first = labels[0];
  if (!(first instanceof Float32Array)) return Int32Array.from(labels, (label, at) => classOf(label, nameOf(at)));
  const out = new Float32Array(labels.length * first.length);
  labels.forEach((label, at) => {
    if (!(label instanceof Float32Array) || label.length !== first.length)
      throw new ArgumentError(
        `${nameOf(at)}: labels of a batch must be alike, got ${described(label)} beside ${described(first)} of ${nameOf(0)}.`,
      );
    out.set(label, at * first.length);
  });
  return out;
}

function classOf(label: Label, name: string): number {
  // More than 32 bits would come back as another class.
  if (typeof label === 'number' && (label | 0) === label) return label;
  throw new ArgumentError(
    `${name}: a label must be a class's index, a whole number, got ${described(label)}. Give targets as a Float32Array, in every sample.`,
  );
}

const described = (label: unknown): string =>
  label instanceof Float32Array ? `${label.length} float targets` : String(label);

/** The labels of several batches as one array. */
export function joinLabels(parts: readonly Labels[]): Labels {
  return parts[0] instanceof Float32Array ? joined(parts, Float32Array) : joined(parts, Int32Array);
}

/** Arrays one after another. */
function joined<T extends Labels>(parts: readonly ArrayLike<number>[], type: new (length: number) => T): T {
  const all = new type(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The classes of a sample: its one, or those of its float targets that are 0.5 or more. @param classes how many have names */
export function classesOf(label: Label, classes: number): number[] {
  if (typeof label === 'number') return [label];
  return Array.from({ length: classes }, (_, c) => c).filter((c) => label[c]! >= 0.5);
}

/**
 * The stratum of each sample, for a split that holds `fraction` of each out: its class. Of several labels, its set of labels where so many
 * samples have the same that the share is one or more, else the rarest label of the set.
 * @param classes how many classes or labels have names; float targets without names are numbers, which make one stratum
 */
export function strataOf(labels: readonly Label[], classes: number, fraction: number): number[] {
  const sets = labels.map((label) => classesOf(label, classes));
  const samples = new Map<number, number>();
  const alike = new Map<string, number>();
  for (const set of sets) {
    for (const c of set) samples.set(c, (samples.get(c) ?? 0) + 1);
    alike.set(set.join(), (alike.get(set.join()) ?? 0) + 1);
  }
  const strata = new Map<string, number>();
  return sets.map((set, i) => {
    const label = labels[i]!;
    if (typeof label === 'number') return label;
    const rarest = set.reduce((a, b) => (samples.get(b)! < samples.get(a)! ? b : a), set[0] ?? 0);
    const stratum = alike.get(set.join())! * fraction >= 1 ? `{${set}}` : `${rarest}`;
    if (!strata.has(stratum)) strata.set(stratum, strata.size);
    return strata.get(stratum)!;
  });
}
