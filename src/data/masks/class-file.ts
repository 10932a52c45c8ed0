/** Files that name the classes of masks, with their colours or without: CamVid's, CVAT's, `class_dict.csv`, `codes.txt`. */
import { DataError } from '../../core/errors.ts';

/** A colour r g b, 0 to 255 each. */
export type Colour = readonly [red: number, green: number, blue: number];

/** A class of masks. */
export interface MaskClass {
  readonly name: string;
  /** null where the file has none. */
  readonly colour: Colour | null;
}

/** Whether a file names classes, by its own name. */
export const isClassFile = (path: string): boolean =>
  /(?:^|\/)(?:class(?:es)?|codes|colou?rs|label_?colou?rs|label_?map|labels?|palette|class_?(?:dict|names|colou?rs))\.(?:csv|txt)$/i.test(
    path,
  );

/**
 * Reads a class file: a class a line, a name with three numbers before or behind it, or a name alone. Lines that begin with # and a row of
 * column names are passed over.
 * @throws DataError where it has no class, or only some have colours, or a name or a colour comes twice.
 */
export function readClassFile(text: string, file: string): MaskClass[] {
  const classes = text.split('\n').flatMap((line) => classOf(line.trim()) ?? []);
  if (classes.length === 0) throw new DataError(file, "names no class. Expected one a line, as 'road,128,64,128'.");
  const bare = classes.find(({ colour }) => colour === null);
  if (bare && classes.some(({ colour }) => colour !== null))
    throw new DataError(file, `has colours, but none for '${bare.name}'. Write one for every class.`);
  for (const key of [
    ({ name }: MaskClass) => `the name '${name}'`,
    ({ colour }: MaskClass) => colour && `the colour ${colour}`,
  ]) {
    const keys = classes.map(key);
    const twice = keys.find((value, i) => value !== null && keys.indexOf(value) < i);
    if (twice) throw new DataError(file, `has ${twice} twice. Remove one.`);
  }
  return classes;
}

function classOf(line: string): MaskClass | null {
  if (line === '' || line.startsWith('#')) return null;
  // CVAT: name:r,g,b:parts:actions
  const cvat = /^([^:]+):(\d+,\d+,\d+)?:.*:/.exec(line);
  const cells = (cvat ? `${cvat[2] ?? ''},${cvat[1]}` : line)
    .split(line.includes(',') ? /,/ : /[\t ]+/)
    .map((c) => c.trim());
  const filled = cells.filter((cell) => cell !== '');
  const numbers = filled.filter((cell) => /^\d+$/.test(cell));
  const words = filled.filter((cell) => !/^\d+$/.test(cell));
  if (/^(?:r|red)$/i.test(words.at(-3) ?? '') && /^(?:b|blue)$/i.test(words.at(-1) ?? '')) return null;
  const colour = numbers.slice(0, 3).map(Number);
  const hasColour = numbers.length >= 3 && colour.every((value) => value <= 255);
  if (hasColour && words.length > 0) return { name: words.join(' '), colour: colour as unknown as Colour };
  return { name: cvat ? cvat[1]!.trim() : line, colour: null };
}

/** Whether a class stands for pixels of no class. */
export const isVoid = (name: string): boolean =>
  /^(?:void|ignored?|unlabell?ed|out of roi)$/i.test(name.replaceAll('_', ' '));
