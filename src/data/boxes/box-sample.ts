/** A photo and the boxes in it, checked: what a network may learn, and what was left out by reason. */

/** A photo with its boxes; one without any is a negative. */
export interface BoxSample {
  /** Where the photo is, as `decodeImage` takes it; of dropped files, its path among them. */
  readonly path: string;
  /** Of the photo in pixels, as its annotation says; where that says nothing, of the file turned by its EXIF tag. */
  readonly width: number;
  readonly height: number;
  /** Corners x1 y1 x2 y2 in pixels, the upper left one of the photo at 0 0, inside of it: [n, 4]. */
  readonly boxes: Float64Array;
  /** Class indices [n]. */
  readonly labels: Int32Array;
  /** In pixels [n]: of the object's outline where the annotation has it (COCO), else of the box. */
  readonly areas: Float64Array;
  /** 1 for a box around many objects (COCO's `iscrowd`): it is not learned, and what is found in it is not wrong. [n] */
  readonly crowd: Uint8Array;
  /** 1 for what is hard to see (VOC's `difficult`). [n] */
  readonly difficult: Uint8Array;
  /** Outlines [n], where they were asked for: COCO's polygons or run lengths. */
  readonly segmentations?: readonly unknown[];
}

/** Boxes that are left out, and why. */
export interface LeftOutBoxes {
  /** As what they are: 'of no width or height'. */
  readonly reason: string;
  readonly count: number;
  /** The first ten: image and place, as 'a.jpg (a.xml, object 3)'. */
  readonly examples: readonly string[];
}

const EXAMPLES = 10;

/** Counts boxes that are left out. However many there are, it keeps little. */
export class BoxFaults {
  readonly #byReason = new Map<string, { count: number; examples: string[] }>();

  /** @param place tells image and place; only asked for where it is shown */
  add(reason: string, place: () => string): void {
    const found = this.#byReason.get(reason) ?? { count: 0, examples: [] };
    this.#byReason.set(reason, found);
    if (found.count++ < EXAMPLES) found.examples.push(place());
  }

  get list(): LeftOutBoxes[] {
    return [...this.#byReason].map(([reason, { count, examples }]) => ({ reason, count, examples }));
  }

  get count(): number {
    return this.list.reduce((n, { count }) => n + count, 0);
  }
}

/** A box of an annotation, before it is checked. */
export interface RawBox {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  /** NaN or undefined: that of the box. */
  readonly area?: number | undefined;
  readonly crowd?: boolean;
  readonly difficult?: boolean;
  readonly segmentation?: unknown;
}

/** Gathers the boxes of one photo: broken ones are none, those that reach past the photo are cut at its edge. */
export class BoxList {
  readonly #width: number;
  readonly #height: number;
  readonly #corners: number[] = [];
  readonly #labels: number[] = [];
  readonly #kept: RawBox[] = [];
  /** Boxes that reached more than a pixel past the photo. */
  cut = 0;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
  }

  /**
   * @param sx what horizontal corners are multiplied with to be pixels; `sy` vertical ones
   * @returns why the box is left out; null where it is kept.
   */
  add(label: number, box: RawBox, sx = 1, sy = 1): string | null {
    const [x1, y1, x2, y2] = [box.x1 * sx, box.y1 * sy, box.x2 * sx, box.y2 * sy];
    const [width, height] = [this.#width, this.#height];
    if (![x1, y1, x2, y2].every(Number.isFinite)) return 'whose corners are not four numbers';
    if (x2 < x1 || y2 < y1) return 'whose corners are the wrong way round';
    // Networks compute in float32, where what is narrower than its rounding has no width.
    if (!isWider(x1, x2) || !isWider(y1, y2)) return 'of no width or height';
    const [left, top, right, bottom] = [Math.max(x1, 0), Math.max(y1, 0), Math.min(x2, width), Math.min(y2, height)];
    if (!isWider(left, right) || !isWider(top, bottom)) return 'outside of the image';
    if (Math.max(-x1, -y1, x2 - width, y2 - height) > 1) this.cut++;
    this.#corners.push(left, top, right, bottom);
    this.#labels.push(label);
    this.#kept.push(box);
    return null;
  }

  /** @param segmentations whether outlines are kept */
  sample(path: string, segmentations = false): BoxSample {
    const [kept, corners] = [this.#kept, this.#corners];
    return {
      path,
      width: this.#width,
      height: this.#height,
      boxes: Float64Array.from(corners),
      labels: Int32Array.from(this.#labels),
      areas: Float64Array.from(kept, ({ area = Number.NaN }, i) => {
        const [x1, y1, x2, y2] = corners.slice(4 * i, 4 * i + 4) as [number, number, number, number];
        return Number.isNaN(area) ? (x2 - x1) * (y2 - y1) : area;
      }),
      crowd: Uint8Array.from(kept, ({ crowd }) => Number(crowd ?? false)),
      difficult: Uint8Array.from(kept, ({ difficult }) => Number(difficult ?? false)),
      ...(segmentations && { segmentations: kept.map(({ segmentation }) => segmentation ?? null) }),
    };
  }
}

const isWider = (from: number, to: number) => Math.fround(to) > Math.fround(from);
