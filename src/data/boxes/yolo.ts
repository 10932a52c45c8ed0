/** YOLO's labels, a text file an image, and the files that name the classes and splits. */
import { DataError } from '../../core/errors.ts';
import { oneLine } from '../../core/printable.ts';
import type { Split } from '../folders/split-names.ts';

/** A line of a label file: the class and a box in shares of the image's sides, or why it is none. */
export type YoloLine =
  | { readonly line: number; readonly label: number; readonly corners: readonly [number, number, number, number] }
  | { readonly line: number; readonly fault: string };

/** What a data set's file says. */
export interface YoloConfig {
  readonly names: readonly string[];
  /** Folders, or lists of images, of each split. */
  readonly splits: ReadonlyMap<Split, readonly string[]>;
  /** Whether lines go on with key points behind the box. */
  readonly keyPoints: boolean;
}

/** Room for rounding: files have six digits. */
const SLACK = 1e-3;

/**
 * Reads a label file: `class cx cy w h` a line, or `class x1 y1 x2 y2 x3 y3 …`, a polygon or a turned box, whose box is taken.
 * @param keyPoints whether key points follow the box
 */
export function readYoloLabels(text: string, keyPoints = false): YoloLine[] {
  return text.split('\n').flatMap((row, i): YoloLine[] => {
    const cells = row.trim();
    if (cells === '') return [];
    const [label, ...values] = cells.split(/\s+/).map(Number) as [number, ...number[]];
    const line = i + 1;
    const fault = faultOf(label, values, keyPoints);
    if (fault !== null) return [{ line, fault }];
    return [{ line, label, corners: values.length === 4 || keyPoints ? aroundCentre(values) : around(values) }];
  });
}

function faultOf(label: number, values: readonly number[], keyPoints: boolean): string | null {
  if (!Number.isInteger(label) || label < 0) return 'whose class is no whole number';
  const isBox = values.length === 4 || (keyPoints && values.length > 4);
  if (!isBox && (values.length < 6 || values.length % 2 === 1)) return 'that are neither four numbers nor a polygon';
  const corners = isBox ? values.slice(0, 4) : values;
  if (!corners.every(Number.isFinite)) return 'whose corners are not four numbers';
  if (corners.some((value) => Math.abs(value) > 1 + SLACK)) return 'that are not in shares of the image, 0 to 1';
  return null;
}

function aroundCentre([x, y, w, h]: readonly number[]): [number, number, number, number] {
  return [x! - w! / 2, y! - h! / 2, x! + w! / 2, y! + h! / 2];
}

function around(points: readonly number[]): [number, number, number, number] {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < points.length; i += 2) {
    [left, right] = [Math.min(left, points[i]!), Math.max(right, points[i]!)];
    [top, bottom] = [Math.min(top, points[i + 1]!), Math.max(bottom, points[i + 1]!)];
  }
  return [left, top, right, bottom];
}

/**
 * Reads a `data.yaml`.
 * @returns null where it is YAML of another kind: without `names`.
 * @throws DataError where it is no YAML, or its names are not names.
 */
export async function readYoloYaml(text: string, file: string): Promise<YoloConfig | null> {
  const { parse } = await import('yaml');
  let content: unknown;
  try {
    // Aliases may stand for one another many times over.
    content = parse(text, { maxAliasCount: 100, logLevel: 'error' });
  } catch (error) {
    throw new DataError(
      file,
      `is no YAML: ${oneLine(String((error as Error).message).split('\n')[0]!).replace(/[.:]$/, '')}. Mend it.`,
    );
  }
  if (typeof content !== 'object' || content === null) return null;
  const { names, nc, kpt_shape: points, ...rest } = content as Readonly<Record<string, unknown>>;
  if (names === undefined && nc === undefined) return null;
  const splits = new Map<Split, readonly string[]>();
  for (const [key, split] of SPLIT_KEYS) {
    const paths = [rest[key]].flat().filter((path): path is string => typeof path === 'string' && path !== '');
    if (paths.length > 0) splits.set(split, paths);
  }
  return { names: namesIn(names, nc, file), splits, keyPoints: points !== undefined };
}

const SPLIT_KEYS = [
  ['train', 'train'],
  ['val', 'validation'],
  ['valid', 'validation'],
  ['test', 'test'],
] as const satisfies readonly (readonly [string, Split])[];

const MAX_CLASSES = 100_000;

/** A list, or a map from 0 on without gaps. */
function namesIn(names: unknown, count: unknown, file: string): string[] {
  if (typeof names !== 'object' || names === null)
    throw new DataError(file, "'names' must be a list, or a map from 0 on. Write names: [cat, dog].");
  const entries = Object.entries(names).map(([key, name]) => [Number(key), String(name)] as const);
  const list: string[] = [];
  for (const [index, name] of entries) {
    if (!Number.isInteger(index) || index < 0 || index >= MAX_CLASSES)
      throw new DataError(
        file,
        `'names' must be a list, or a map from 0 on, got the key '${index}'. Number the classes.`,
      );
    list[index] = name;
  }
  if (list.length === 0) throw new DataError(file, "has no class in 'names'. Expected a list of the classes' names.");
  const gap = Array.from(list).indexOf(undefined as unknown as string);
  if (gap >= 0) throw new DataError(file, `'names' has no class ${gap}, but ${list.length - 1}. Name every class.`);
  if (typeof count === 'number' && count !== list.length)
    throw new DataError(file, `has ${list.length} names, but nc is ${count}. Make them agree.`);
  return list;
}

/** Names of classes, one a line: `classes.txt`, `obj.names`. */
export function readNames(text: string): string[] {
  const names = text.split('\n').map((line) => line.trim());
  return names.slice(0, names.findLastIndex((name) => name !== '') + 1);
}

/** Darknet's `obj.data`: lines of `key = value`. */
export function readDarknetData(text: string): Map<Split, readonly string[]> {
  const splits = new Map<Split, readonly string[]>();
  for (const row of text.split('\n')) {
    const [, key, value] = /^\s*(train|valid|val|test)\s*=\s*(\S.*?)\s*$/.exec(row) ?? [];
    const split = SPLIT_KEYS.find(([name]) => name === key)?.[1];
    if (split && value) splits.set(split, [value]);
  }
  return splits;
}
