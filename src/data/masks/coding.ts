/** What the values of masks mean: classes by index, by level of grey or by colour, and what is ignored. */
import { DataError } from '../../core/errors.ts';
import { count, someOf } from '../some-of.ts';
import { isVoid, type MaskClass } from './class-file.ts';
import { type MaskValues, packed, unpacked } from './mask-values.ts';

/** The label of pixels that are not learned and not scored. */
export const IGNORED = 255;

/** How the values of a data set's masks become labels. JSON-able, so that it may be kept with a model. */
export interface MaskCoding {
  /** By label. */
  readonly classes: readonly string[];
  /** The label of each value, 0 to 254, or 255: ignored. Colours are values too, as red · 65536 + green · 256 + blue. */
  readonly labels: readonly (readonly [value: number, label: number])[];
  readonly isColour: boolean;
}

/** A mask of labels. */
export interface ClassMask {
  readonly width: number;
  readonly height: number;
  /** Row by row: a class's index, or 255: ignored. */
  readonly data: Uint8Array;
}

/** What is known before the masks were looked at. */
export interface CodingChoice {
  /** Names of the classes in the order of their indices; a class file's have colours. */
  readonly classes: readonly MaskClass[] | null;
  /** Of the class file, for messages. */
  readonly file: string;
  /** The value of files that is ignored; null: none. Where it is undefined, 255 is, unless it is white beside black. */
  readonly ignore: number | null | undefined;
}

/** Values found in all masks. */
export interface FoundValues {
  readonly values: ReadonlySet<number>;
  readonly isColour: boolean;
}

const MOST_CLASSES = 255;
/** Above it, values without gaps in mind are levels of grey. */
const MOST_INDEX = 63;
/** Levels of grey that somebody may have painted. */
const MOST_LEVELS = 16;

/**
 * Tells what values mean.
 * - With a class file: its colours, or its order. A class `void` is ignored.
 * - Values of 0 and one other: background and foreground.
 * - Up to 63 (and 255, ignored): indices of classes.
 * - Else up to 16 levels of grey: classes in their order.
 * @returns the coding, and what was decided, a sentence each.
 * @throws DataError where it cannot be told.
 */
export function codingOf(
  root: string,
  found: FoundValues,
  choice: CodingChoice,
): { coding: MaskCoding; notes: string[] } {
  const { classes, file, ignore } = choice;
  if (found.isColour) return colourCoding(root, found, choice);
  const values = [...found.values].sort((a, b) => a - b);
  const fixed = ignore ?? null;
  const learned = values.filter((value) => value !== fixed);
  const [black, white] = learned;
  const isBinary = learned.length === 2 && black === 0 && white! > MOST_INDEX;
  if (isBinary && (ignore !== undefined || white !== IGNORED || !classes || classes.length <= 2)) {
    const names = classes && classes.length <= 2 ? classes.map(({ name }) => name) : ['background', 'foreground'];
    const both = names.length === 2 ? names : ['background', ...names];
    return {
      coding: coded(
        both,
        [
          [0, 0],
          [white!, 1],
        ],
        fixed,
      ),
      notes: [`Masks are of 0 and ${white}: ${both.join(' and ')}.`],
    };
  }
  const usual = ignore === undefined ? IGNORED : ignore;
  if (classes) return namedCoding(root, classes, file, usual);
  const indices = ignore === undefined ? learned.filter((value) => value !== IGNORED) : learned;
  const highest = indices.at(-1) ?? 0;
  if (highest <= MOST_INDEX) {
    const names = Array.from({ length: Math.max(2, highest + 1) }, (_, i) => String(i));
    const labels = names.map((_, i) => [i, i] as const);
    return {
      coding: coded(names, labels, usual),
      notes: [`No file names the classes (classes.txt): they are called by their numbers, 0 to ${highest}.`],
    };
  }
  if (learned.length <= MOST_LEVELS) {
    const coding = coded(
      learned.map(String),
      learned.map((value, i) => [value, i] as const),
      fixed,
    );
    return {
      coding,
      notes: [`Masks have ${learned.length} levels of grey, ${learned.join(', ')}: a class each, in this order.`],
    };
  }
  throw new DataError(
    root,
    `has masks of ${learned.length} different values up to ${highest}, which are neither indices of classes nor a few levels of grey. They may have been resized or saved as JPEG: make them anew, or name the classes in a classes.txt.`,
  );
}

/** Classes in the order of a file; those that are void, or that the ignored value is of, are no classes. */
function namedCoding(root: string, classes: readonly MaskClass[], file: string, ignore: number | null) {
  const isKept = ({ name }: MaskClass, i: number) => !isVoid(name) && i !== ignore;
  const kept = classes.filter(isKept);
  checkCount(root, kept.length);
  const labels = classes.map((one, i) => [i, isKept(one, i) ? kept.indexOf(one) : IGNORED] as const);
  return {
    coding: coded(
      kept.map(({ name }) => name),
      labels,
      ignore,
    ),
    notes: ignoredNote(classes, kept, file),
  };
}

function ignoredNote(classes: readonly MaskClass[], kept: readonly MaskClass[], file: string): string[] {
  const left = classes.filter((one) => !kept.includes(one)).map(({ name }) => name);
  if (left.length === 0) return [];
  return [`${someOf(left)} of ${file} ${left.length === 1 ? 'is' : 'are'} ignored: neither learned nor scored.`];
}

const coded = (
  classes: readonly string[],
  labels: readonly (readonly [number, number])[],
  ignore: number | null,
): MaskCoding => ({
  classes,
  labels: ignore === null ? labels : [...labels.filter(([value]) => value !== ignore), [ignore, IGNORED]],
  isColour: false,
});

function colourCoding(root: string, { values }: FoundValues, { classes, file }: CodingChoice) {
  const colours = [...values].sort((a, b) => a - b);
  if (!classes)
    throw new DataError(
      root,
      `has masks of ${count(colours.length, 'colour')} (${someOf(colours.slice(0, 5).map((value) => unpacked(value).join(' ')))}${colours.length > 5 ? ' …' : ''}), and no file that names them. Put a classes.csv there with lines as 'road,128,64,128'.`,
    );
  if (classes.some(({ colour }) => colour === null))
    throw new DataError(root, `has masks of colours, but ${file} has none. Write lines as 'road,128,64,128'.`);
  const kept = classes.filter(({ name }) => !isVoid(name));
  checkCount(root, kept.length);
  const coding: MaskCoding = {
    classes: kept.map(({ name }) => name),
    labels: classes.map((one) => [packed(one.colour!), isVoid(one.name) ? IGNORED : kept.indexOf(one)] as const),
    isColour: true,
  };
  return { coding, notes: ignoredNote(classes, kept, file) };
}

function checkCount(root: string, classes: number): void {
  if (classes <= MOST_CLASSES) return;
  throw new DataError(root, `has ${classes} classes of masks; at most ${MOST_CLASSES} are learned.`);
}

/** A value that no class has: what it is, and where it stands. */
export interface UnknownValue {
  readonly value: string;
  readonly x: number;
  readonly y: number;
}

/** Labels of a mask, or the first value that no class has. */
export function labelled(mask: MaskValues, coding: MaskCoding): ClassMask | UnknownValue {
  const { width, height, data, isColour } = mask;
  const labels = new Map(coding.labels);
  // A grey mask among colours has colours too: black, say.
  const key =
    coding.isColour && !isColour ? (value: number) => packed([value, value, value]) : (value: number) => value;
  const out = new Uint8Array(data.length);
  let [last, label] = [-1, 0];
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value !== last) {
      const known = !coding.isColour && isColour ? undefined : labels.get(key(value));
      if (known === undefined) {
        const text = isColour ? unpacked(value).join(' ') : String(value);
        return { value: text, x: i % width, y: Math.floor(i / width) };
      }
      [last, label] = [value, known];
    }
    out[i] = label;
  }
  return { width, height, data: out };
}
