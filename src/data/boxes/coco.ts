/** COCO's JSON of images, categories and annotations; those of CVAT, Roboflow, Label Studio and FiftyOne are read too. */
import { DataError } from '../../core/errors.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import { readElements } from './json-elements.ts';

/** An image of a COCO file. */
export interface CocoImage {
  readonly fileName: string;
  /** 0 where the file does not say. */
  readonly width: number;
  readonly height: number;
  /** Annotations [start, end) of it in {@link CocoFile.annotations}, in the order of the file. */
  readonly start: number;
  readonly end: number;
}

/** An annotation: a box x1 y1 x2 y2, whose numbers may be anything. */
export interface CocoBox {
  /** Index in {@link CocoFile.categories}; -1 where its category is not listed. */
  readonly category: number;
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  readonly area: number;
  readonly crowd: boolean;
  readonly segmentation: unknown;
}

/** What a COCO file says. */
export interface CocoFile {
  /** Names, in the order of their ids; categories of one name are one. */
  readonly categories: readonly string[];
  readonly images: readonly CocoImage[];
  annotation(index: number): CocoBox;
  /** An annotation as errors name it: 'annotation 17'. */
  nameOf(index: number): string;
  /** Annotations of images that are not listed: how many, and the names of the first ten. */
  readonly strays: { readonly count: number; readonly names: readonly string[] };
  /** What is odd and yet may be meant, a sentence each. */
  readonly notes: readonly string[];
}

type Id = string | number;
type Fields = Readonly<Record<string, unknown>>;

/** Columns of the annotations: a million of them take some hundred megabytes as objects. */
const COLUMNS = ['image', 'category', 'x', 'y', 'width', 'height', 'area', 'crowd', 'id'] as const;

/**
 * Reads a COCO file, of any size.
 * @param name stands for the file in errors
 * @param segmentations whether outlines are kept; they may take much memory
 * @returns null where it is JSON of another kind: without `annotations`.
 * @throws DataError where it is no JSON, has no images or no categories, or gives an id to two images.
 */
export async function readCoco(file: ByteSource, name: string, segmentations = false): Promise<CocoFile | null> {
  const reader = new CocoReader(name, segmentations);
  const keys = await readElements(file, name, {
    images: (value, i) => reader.addImage(fieldsOf(value, name, 'images', i), i),
    categories: (value, i) => reader.addCategory(fieldsOf(value, name, 'categories', i)),
    annotations: (value, i) => reader.addAnnotation(fieldsOf(value, name, 'annotations', i)),
  });
  return keys?.includes('annotations') ? reader.end() : null;
}

class CocoReader {
  readonly #name: string;
  readonly #segmentations: unknown[] | null;
  readonly #images = new Map<Id, { readonly fileName: string; readonly width: number; readonly height: number }>();
  readonly #categories = new Map<Id, { readonly name: string; readonly parent: string }>();
  readonly #columns = Object.fromEntries(COLUMNS.map((column) => [column, new Numbers()])) as Record<
    (typeof COLUMNS)[number],
    Numbers
  >;
  /** Ids of images and categories as numbers, in the order in which annotations name them. */
  readonly #imageIds = new Map<Id, number>();
  readonly #categoryIds = new Map<Id, number>();
  readonly #ids = new Set<Id>();
  #repeated = 0;
  #rotated = 0;

  constructor(name: string, segmentations: boolean) {
    this.#name = name;
    this.#segmentations = segmentations ? [] : null;
  }

  addImage(fields: Fields, index: number): void {
    const { id, file_name: fileName } = fields;
    if (!isId(id) || typeof fileName !== 'string' || fileName === '')
      throw new DataError(this.#name, `image ${index + 1} has no 'id' or no 'file_name'. Expected COCO's images.`);
    const image = { fileName, width: numberOf(fields.width) || 0, height: numberOf(fields.height) || 0 };
    const before = this.#images.get(id);
    if (before && before.fileName !== fileName)
      throw new DataError(
        this.#name,
        `gives id ${id} to two images, '${before.fileName}' and '${fileName}': which one its annotations are of cannot be told. Number the images anew.`,
      );
    this.#images.set(id, image);
  }

  addCategory({ id, name: written, supercategory }: Fields): void {
    if (!isId(id) || !isId(written))
      throw new DataError(this.#name, "a category has no 'id' or no 'name'. Expected COCO's categories.");
    const name = String(written).trim();
    const before = this.#categories.get(id);
    if (before && before.name !== name)
      throw new DataError(
        this.#name,
        `gives id ${id} to two categories, '${before.name}' and '${name}'. Number the categories anew.`,
      );
    this.#categories.set(id, { name, parent: typeof supercategory === 'string' ? supercategory : '' });
  }

  addAnnotation(fields: Fields): void {
    const { id, image_id: image, category_id: category, segmentation, attributes } = fields;
    const box = Array.isArray(fields.bbox) && fields.bbox.length === 4 ? fields.bbox : boxAround(segmentation);
    const columns = this.#columns;
    columns.image.push(isId(image) ? numbered(this.#imageIds, image) : -1);
    columns.category.push(isId(category) ? numbered(this.#categoryIds, category) : -1);
    columns.x.push(numberOf(box[0]));
    columns.y.push(numberOf(box[1]));
    columns.width.push(numberOf(box[2]));
    columns.height.push(numberOf(box[3]));
    columns.area.push(numberOf(fields.area));
    columns.crowd.push(Number(fields.iscrowd === 1 || fields.iscrowd === true));
    columns.id.push(typeof id === 'number' ? id : Number.NaN);
    this.#segmentations?.push(segmentation ?? null);
    if (isId(id)) {
      if (this.#ids.has(id)) this.#repeated++;
      this.#ids.add(id);
    }
    if (numberOf((attributes as Fields | undefined)?.rotation) > 0) this.#rotated++;
  }

  end(): CocoFile {
    if (this.#images.size === 0) throw new DataError(this.#name, 'lists no images. Expected one entry or more.');
    const { names, categoryOf, notes } = this.#sortedCategories();
    const images = [...this.#images].map(([id, image]) => ({ ...image, number: this.#imageIds.get(id) ?? -1 }));
    const { order, starts } = this.#byImage();
    const listed = new Set(images.map(({ number }) => number));
    const columns = this.#columns;
    const rowName = (row: number) =>
      Number.isNaN(columns.id.at(row)) ? `the ${row + 1}. annotation` : `annotation ${columns.id.at(row)}`;
    const strays = { count: 0, names: [] as string[] };
    for (let row = 0; row < columns.image.length; row++) {
      if (listed.has(columns.image.at(row)) && columns.image.at(row) >= 0) continue;
      if (strays.count++ < 10) strays.names.push(`${this.#name}, ${rowName(row)}`);
    }
    return {
      categories: names,
      images: images.map(({ fileName, width, height, number }) => ({
        ...{ fileName, width, height },
        start: number < 0 ? 0 : starts[number]!,
        end: number < 0 ? 0 : starts[number + 1]!,
      })),
      nameOf: (index) => rowName(order[index]!),
      annotation: (index) => {
        const row = order[index]!;
        const [x1, y1] = [columns.x.at(row), columns.y.at(row)];
        return {
          category: categoryOf(columns.category.at(row)),
          x1,
          y1,
          x2: x1 + columns.width.at(row),
          y2: y1 + columns.height.at(row),
          area: columns.area.at(row),
          crowd: columns.crowd.at(row) === 1,
          segmentation: this.#segmentations?.[row] ?? null,
        };
      },
      strays,
      notes: [
        ...notes,
        ...(this.#repeated > 0
          ? [
              `Of the annotations of ${this.#name} ${this.#repeated} ${this.#repeated === 1 ? 'has' : 'have'} the id of another; all are used.`,
            ]
          : []),
        ...(this.#rotated > 0
          ? [
              `Of the boxes of ${this.#name} ${this.#rotated} ${this.#rotated === 1 ? 'is' : 'are'} turned, which is not read: they are used as if they were upright.`,
            ]
          : []),
      ],
    };
  }

  /** Categories by id; a supercategory that Roboflow lists as the first category, and nothing is of, is none. */
  #sortedCategories(): { names: string[]; categoryOf: (number: number) => number; notes: string[] } {
    if (this.#categories.size === 0) throw new DataError(this.#name, 'lists no categories. Expected one or more.');
    const parents = new Set([...this.#categories.values()].map(({ parent }) => parent));
    const all = [...this.#categories].sort(([a], [b]) => (a === b ? 0 : a < b ? -1 : 1));
    const used = all.filter(
      ([id, { name, parent }]) =>
        this.#categoryIds.has(id) || parent !== 'none' || !parents.has(name) || all.length === 1,
    );
    const names = [...new Set(used.map(([, { name }]) => name))];
    const indices = new Map<number, number>();
    for (const [id, { name }] of used) {
      const number = this.#categoryIds.get(id);
      if (number !== undefined) indices.set(number, names.indexOf(name));
    }
    const shared = used.length - names.length;
    return {
      names,
      categoryOf: (number) => indices.get(number) ?? -1,
      notes:
        shared > 0
          ? [
              `Of the categories of ${this.#name} ${shared} ${shared === 1 ? 'has' : 'have'} the name of another; each name is one class.`,
            ]
          : [],
    };
  }

  /** Rows of annotations image by image, each image's in their order, and where each image's begin. */
  #byImage(): { order: Int32Array; starts: Int32Array } {
    const { image } = this.#columns;
    const starts = new Int32Array(this.#imageIds.size + 1);
    for (let row = 0; row < image.length; row++) if (image.at(row) >= 0) starts[image.at(row) + 1]!++;
    for (let i = 0; i < this.#imageIds.size; i++) starts[i + 1]! += starts[i]!;
    const next = starts.slice();
    const order = new Int32Array(image.length);
    for (let row = 0; row < image.length; row++) if (image.at(row) >= 0) order[next[image.at(row)]!++] = row;
    return { order, starts };
  }
}

const isId = (value: unknown): value is Id => typeof value === 'number' || typeof value === 'string';

/** What stands for a number; NaN for anything else. */
const numberOf = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN);

function numbered(numbers: Map<Id, number>, id: Id): number {
  const known = numbers.get(id);
  if (known !== undefined) return known;
  numbers.set(id, numbers.size);
  return numbers.size - 1;
}

function fieldsOf(value: unknown, name: string, list: string, index: number): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new DataError(name, `element ${index + 1} of '${list}' is no object. Expected COCO's ${list}.`);
}

/** x y width height around polygons; none where there are none. */
function boxAround(segmentation: unknown): unknown[] {
  const polygons = Array.isArray(segmentation) ? segmentation.filter((polygon) => Array.isArray(polygon)) : [];
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const polygon of polygons)
    for (let i = 0; i + 1 < polygon.length; i += 2) {
      const [x, y] = [numberOf(polygon[i]), numberOf(polygon[i + 1])];
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    }
  return right >= left ? [left, top, right - left, bottom - top] : [Number.NaN, Number.NaN, Number.NaN, Number.NaN];
}

/** Float64 numbers without end. */
class Numbers {
  #data = new Float64Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.#data.length) {
      const grown = new Float64Array(2 * this.length);
      grown.set(this.#data);
      this.#data = grown;
    }
    this.#data[this.length++] = value;
  }

  at(index: number): number {
    return this.#data[index]!;
  }
}
