/** Pascal VOC's XML, a file an image; labelImg's, CVAT's and Roboflow's among them. */
import { DataError } from '../../core/errors.ts';
import { oneLine } from '../../core/printable.ts';

/** An object of a VOC file; its corners are as written there, and may be anything. */
export interface VocObject {
  readonly name: string;
  readonly xmin: number;
  readonly ymin: number;
  readonly xmax: number;
  readonly ymax: number;
  readonly difficult: boolean;
}

/** What a VOC file says of its image. */
export interface VocFile {
  /** '' where it does not say. */
  readonly fileName: string;
  /** 0 where it does not say. */
  readonly width: number;
  readonly height: number;
  readonly objects: readonly VocObject[];
}

/** An element as the parser gives it. */
interface Element {
  readonly type: string;
  readonly name?: string;
  readonly text: string;
  readonly children?: readonly Element[];
}

/**
 * Reads a VOC file. Entities that a file defines itself are refused.
 * @param name stands for the file in errors
 * @returns null where it is XML of another kind.
 * @throws DataError where it is no XML.
 */
export async function readVoc(text: string, name: string): Promise<VocFile | null> {
  const { parseXml } = await import('@rgrove/parse-xml');
  let annotation: Element | null;
  try {
    // Files begin with empty lines, which a declaration must not follow.
    annotation = parseXml(text.trimStart()).root as Element | null;
  } catch (error) {
    const reason = error instanceof RangeError ? 'is nested too deeply' : `is no XML: ${reasonOf(error)}`;
    throw new DataError(name, `${reason}. Mend it or remove it.`);
  }
  if (annotation?.name !== 'annotation') return null;
  const size = childOf(annotation, 'size');
  return {
    fileName: textOf(annotation, 'filename'),
    width: numberOf(size, 'width') || 0,
    height: numberOf(size, 'height') || 0,
    objects: childrenOf(annotation, 'object').map((object) => {
      const box = childOf(object, 'bndbox');
      return {
        name: textOf(object, 'name'),
        ...{ xmin: numberOf(box, 'xmin'), ymin: numberOf(box, 'ymin') },
        ...{ xmax: numberOf(box, 'xmax'), ymax: numberOf(box, 'ymax') },
        difficult: textOf(object, 'difficult') === '1',
      };
    }),
  };
}

/** The first line of what the parser says, without the excerpt below it. */
const reasonOf = (error: unknown) => oneLine(String((error as Error).message).split('\n')[0]!).replace(/\.$/, '');

const childrenOf = (element: Element | undefined, name: string): readonly Element[] =>
  element?.children?.filter((child) => child.name === name) ?? [];

const childOf = (element: Element | undefined, name: string): Element | undefined => childrenOf(element, name)[0];

const textOf = (element: Element | undefined, name: string): string => childOf(element, name)?.text.trim() ?? '';

/** NaN where there is no number. */
function numberOf(element: Element | undefined, name: string): number {
  const text = textOf(element, name);
  return text === '' ? Number.NaN : Number(text);
}
