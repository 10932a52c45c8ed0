/**
 * Names of a file brought to those of a model, where a wrapper has put something in front of them (`backbone.`, `encoder_q.`),
 * another library names the same layers otherwise, or a container has numbered them.
 */
import type { StateDict } from '../../core/dtype.ts';
import type { Shape } from '../../core/shape.ts';
import { listed, printable } from './bytes.ts';

type Shapes = ReadonlyMap<string, Shape>;

/** The tensors of a file matched to those of a model. */
export interface Fit {
  /** Names in the file to names for the model, of every tensor that is kept. */
  readonly names: ReadonlyMap<string, string>;
  /** Number of the model's tensors that are found, with a shape that fits. */
  readonly found: number;
  /** Notes on the tensors that were renamed and left out. */
  readonly notes: readonly string[];
}

/** Names and shapes of a state dict. */
export function shapesOf(state: StateDict): Map<string, Shape> {
  return new Map([...state].map(([name, { shape }]) => [name, shape]));
}

/** What is replaced in a name, rule after rule; `$1+1` in a text is the number that was found, and one. */
export type NameRules = readonly (readonly [RegExp, string | ((match: string, ...found: string[]) => string)])[];

/** transformers' ResNets to torchvision's. */
export const TRANSFORMERS_RESNET: NameRules = [
  [/^resnet\./, ''],
  [/^embedder\.embedder\.convolution\./, 'conv1.'],
  [/^embedder\.embedder\.normalization\./, 'bn1.'],
  [/^encoder\.stages\.(\d+)\.layers\.(\d+)\./, 'layer$1+1.$2.'],
  [/\.shortcut\.convolution\./, '.downsample.0.'],
  [/\.shortcut\.normalization\./, '.downsample.1.'],
  [/\.layer\.(\d+)\.convolution\./, '.conv$1+1.'],
  [/\.layer\.(\d+)\.normalization\./, '.bn$1+1.'],
  [/^classifier\.1\./, 'fc.'],
];

/** Names that other libraries have for the layers of torchvision's networks. */
const SCHEMES: readonly { readonly library: string; readonly names: NameRules }[] = [
  { library: 'transformers', names: TRANSFORMERS_RESNET },
  { library: 'torchvision’s first DenseNets', names: [[/(denselayer\d+\.(?:norm|conv))\.([12])\./, '$1$2.']] },
];

/**
 * The names that fit `expected` best: as they are, without a prefix, by another library's scheme, or by order and shape. Where
 * less than half of the model would be found, they stay as they are.
 * @param shapes the file's tensors, in its order.
 * @param expected the model's, in its order; a size of -1 may be any.
 */
export function fitNames(shapes: Shapes, expected: Shapes): Fit {
  const same = new Map([...shapes.keys()].map((name) => [name, name]));
  const plain = withoutPrefix(shapes, expected);
  const fits = (fit: Fit): boolean => 2 * fit.found >= expected.size;
  if (fits(plain)) return plain;
  for (const { library, names } of SCHEMES) {
    const translated = new Map([...shapes.keys()].map((name) => [name, translate(name, names)]));
    const fit = withoutPrefix(new Map([...translated].map(([name, to]) => [to, shapes.get(name)!])), expected);
    if (!fits(fit)) continue;
    const kept = [...translated].flatMap(([name, to]) =>
      fit.names.has(to) ? [[name, fit.names.get(to)!] as const] : [],
    );
    return { ...fit, names: new Map(kept), notes: [`The names are those of ${library}.`, ...fit.notes] };
  }
  return byOrder(shapes, expected) ?? { names: same, found: plain.found, notes: [] };
}

/** A name after all rules. */
export function translate(name: string, rules: NameRules): string {
  let to = name;
  for (const [pattern, by] of rules)
    to = to.replace(pattern, (match, ...found) =>
      typeof by === 'function'
        ? by(match, ...found)
        : by.replace(/\$(\d)(\+1)?/g, (_, i, next) => (next ? `${Number(found[i - 1]) + 1}` : found[i - 1])),
    );
  return to;
}

/** Takes the prefix off that most of the model's names have in the file; tensors without it are left out. */
function withoutPrefix(shapes: Shapes, expected: Shapes): Fit {
  const counts = new Map([['', 0]]);
  for (const [name, shape] of shapes)
    for (const prefix of prefixesOf(name))
      if (isFitting(shape, expected.get(name.slice(prefix.length)))) counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
  const [prefix, count] = [...counts].reduce((best, next) => (next[1] > best[1] ? next : best));
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const name of shapes.keys()) {
    if (!name.startsWith(prefix) || name.length === prefix.length) continue;
    names.set(name, name.slice(prefix.length));
    taken.add(name.slice(prefix.length));
  }
  const notes = prefix === '' ? [] : [`The prefix '${printable(prefix)}' is taken off the names.`];
  const elsewhere = new Map<string, string[]>();
  for (const [name, shape] of shapes)
    for (const cut of prefixesOf(name)) {
      const to = name.slice(cut.length);
      if (!taken.has(to) && isFitting(shape, expected.get(to))) elsewhere.set(to, [...(elsewhere.get(to) ?? []), name]);
    }
  // A head under another name than the trunk's, if there is only one of the kind.
  const moved = [...elsewhere].filter(([, from]) => from.length === 1).map(([to, from]) => [from[0]!, to] as const);
  for (const [from, to] of moved) names.set(from, to);
  if (moved.length > 0) notes.push(`Renamed: ${listed(moved.map(([from, to]) => `${from} to ${to}`))}.`);
  const left = [...shapes.keys()].filter((name) => !names.has(name));
  if (left.length > 0) notes.push(`Left out, being of no layer of the model: ${listed(left)}.`);
  return { names, found: count + moved.length, notes };
}

/** The possible prefixes of a name: none, and all up to each separator. */
function prefixesOf(name: string): string[] {
  return ['', ...[...name.matchAll(/[./_:-]/g)].map(({ index }) => name.slice(0, index + 1))];
}

function isFitting(shape: Shape, expected: Shape | undefined): boolean {
  return expected?.length === shape.length && expected.every((size, i) => size === -1 || size === shape[i]);
}

/** Numbered names, as of a Sequential of a network's parts: the same fields and shapes in the same order, up to the head at least. */
function byOrder(shapes: Shapes, expected: Shapes): Fit | undefined {
  const isCounter = (name: string): boolean => name.endsWith('num_batches_tracked');
  const field = (name: string): string => name.slice(name.lastIndexOf('.') + 1);
  const targets = [...expected].filter(([name]) => !isCounter(name));
  const tensors = [...shapes].filter(([name]) => !isCounter(name));
  let found = 0;
  while (found < Math.min(targets.length, tensors.length)) {
    const [[to, size], [from, shape]] = [targets[found]!, tensors[found]!];
    if (field(from) !== field(to) || !isFitting(shape, size)) break;
    found++;
  }
  const HEAD = 2; // weight and bias
  if (found < targets.length - HEAD || found <= HEAD) return undefined;
  const names = new Map(tensors.map(([name], i) => [name, i < found ? targets[i]![0] : name]));
  const counters = [...shapes.keys()].filter(isCounter).length;
  return {
    names,
    found,
    notes: [
      `The names are not the model's: the tensors are matched by their order and shapes (${printable(tensors[0]![0])} is ${targets[0]![0]}, …).`,
      ...(counters > 0 ? [`Left out: ${counters} counters num_batches_tracked.`] : []),
    ],
  };
}
