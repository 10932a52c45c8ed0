/** Operations on boxes on the host, with the meaning of torchvision's `ops`: conversion, overlap, suppression. */
import { ArgumentError } from '../../core/errors.ts';

/** Corners x1 y1 x2 y2, a corner with sides, or a centre with sides. */
export type BoxForm = 'xyxy' | 'xywh' | 'cxcywh';

/** Boxes x1 y1 x2 y2 one after another: [n, 4]. */
export type Boxes = ArrayLike<number>;

/** Converts boxes [n, 4] from one form to another. */
export function convertBoxes(boxes: Boxes, from: BoxForm, to: BoxForm): Float64Array {
  return mapped(boxes, (a, b, c, d) => FROM_CORNERS[to](...TO_CORNERS[from](a, b, c, d)));
}

type Four = [number, number, number, number];
type Conversion = (a: number, b: number, c: number, d: number) => Four;

const TO_CORNERS: Readonly<Record<BoxForm, Conversion>> = {
  xyxy: (x1, y1, x2, y2) => [x1, y1, x2, y2],
  xywh: (x, y, w, h) => [x, y, x + w, y + h],
  cxcywh: (cx, cy, w, h) => [cx - 0.5 * w, cy - 0.5 * h, cx + 0.5 * w, cy + 0.5 * h],
};
const FROM_CORNERS: Readonly<Record<BoxForm, Conversion>> = {
  xyxy: (x1, y1, x2, y2) => [x1, y1, x2, y2],
  xywh: (x1, y1, x2, y2) => [x1, y1, x2 - x1, y2 - y1],
  cxcywh: (x1, y1, x2, y2) => [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1],
};

/** Boxes cut at the edges of an image. */
export function clipBoxes(boxes: Boxes, width: number, height: number): Float64Array {
  const inside = (value: number, most: number) => Math.min(Math.max(value, 0), most);
  return mapped(boxes, (x1, y1, x2, y2) => [
    ...([inside(x1, width), inside(y1, height)] as const),
    ...([inside(x2, width), inside(y2, height)] as const),
  ]);
}

/** Indices of the boxes both sides of which are `size` or more. */
export function largeBoxes(boxes: Boxes, size: number): number[] {
  const all = Array.from({ length: boxes.length / 4 }, (_, i) => i);
  return all.filter((i) => {
    const { x1, y1, x2, y2 } = boxAt(boxes, i);
    return x2 - x1 >= size && y2 - y1 >= size;
  });
}

/** How much boxes overlap: their IoU, or one of the measures made of it that tell boxes apart which do not overlap. */
export type Overlap = 'iou' | 'giou' | 'diou' | 'ciou';

/**
 * The overlap of each box of `a` with each of `b`: [n, m]. Two boxes without area have the IoU NaN, as in torchvision.
 * @param kind `iou`; `giou` takes off the empty part of the box around both, `diou` the distance of the centres, `ciou` that and unlike proportions
 */
export function boxOverlaps(a: Boxes, b: Boxes, kind: Overlap = 'iou'): Float64Array {
  const [n, m] = [a.length / 4, b.length / 4];
  const out = new Float64Array(n * m);
  for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) out[i * m + j] = MEASURES[kind](boxAt(a, i), boxAt(b, j));
  return out;
}

interface Box {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

const boxAt = (boxes: Boxes, i: number): Box => ({
  ...{ x1: boxes[4 * i]!, y1: boxes[4 * i + 1]! },
  ...{ x2: boxes[4 * i + 2]!, y2: boxes[4 * i + 3]! },
});

/** Against division by zero, as in torchvision. */
const EPSILON = 1e-7;

const areaOf = ({ x1, y1, x2, y2 }: Box) => (x2 - x1) * (y2 - y1);

/** Areas of what is in both boxes, and in any. */
function areasOf(a: Box, b: Box): { readonly inside: number; readonly union: number } {
  const width = Math.max(0, Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1));
  const height = Math.max(0, Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1));
  const inside = width * height;
  return { inside, union: areaOf(a) + areaOf(b) - inside };
}

/** Sides of the box around both. */
const sidesAround = (a: Box, b: Box) => ({
  width: Math.max(0, Math.max(a.x2, b.x2) - Math.min(a.x1, b.x1)),
  height: Math.max(0, Math.max(a.y2, b.y2) - Math.min(a.y1, b.y1)),
});

function iou(a: Box, b: Box): number {
  const { inside, union } = areasOf(a, b);
  return inside / union;
}

function giou(a: Box, b: Box): number {
  const { inside, union } = areasOf(a, b);
  const { width, height } = sidesAround(a, b);
  return inside / union - (width * height - union) / (width * height);
}

function diou(a: Box, b: Box): number {
  const { width, height } = sidesAround(a, b);
  const across = (a.x1 + a.x2) / 2 - (b.x1 + b.x2) / 2;
  const down = (a.y1 + a.y2) / 2 - (b.y1 + b.y2) / 2;
  return iou(a, b) - (across ** 2 + down ** 2) / (width ** 2 + height ** 2 + EPSILON);
}

function ciou(a: Box, b: Box): number {
  const angle = ({ x1, y1, x2, y2 }: Box) => Math.atan((x2 - x1) / (y2 - y1));
  const unlike = (4 / Math.PI ** 2) * (angle(a) - angle(b)) ** 2;
  return diou(a, b) - (unlike / (1 - iou(a, b) + unlike + EPSILON)) * unlike;
}

const MEASURES: Readonly<Record<Overlap, (a: Box, b: Box) => number>> = { iou, giou, diou, ciou };

/**
 * Non-maximum suppression: of boxes that overlap by more than `threshold` the one with the highest score stays. Computed in float32, as
 * torchvision does.
 * @returns indices of those that stay, by score; equal scores in their order
 */
export function nms(boxes: Boxes, scores: ArrayLike<number>, threshold: number): number[] {
  return classwiseNms(boxes, scores, new Int32Array(scores.length), threshold);
}

/**
 * {@link nms} in each class by itself. torchvision's `batched_nms` gives the same from 1,000 boxes on; below, it moves classes apart, which rounds boxes.
 * @param labels class indices [n]
 * @returns indices of those that stay, by score; equal scores in their order
 */
export function classwiseNms(
  boxes: Boxes,
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  threshold: number,
): number[] {
  const n = scores.length;
  if (boxes.length !== 4 * n || labels.length !== n)
    throw new ArgumentError(
      `nms: expected ${n} scores with ${4 * n} numbers of boxes and ${n} labels, got ${boxes.length} and ${labels.length}.`,
    );
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => scores[j]! - scores[i]!);
  const rounded = Float32Array.from(boxes);
  const suppressed = new Uint8Array(n);
  const kept: number[] = [];
  for (const [at, i] of order.entries()) {
    if (suppressed[i]) continue;
    kept.push(i);
    for (let later = at + 1; later < n; later++) {
      const j = order[later]!;
      if (!suppressed[j] && labels[i] === labels[j] && roundedIou(rounded, i, j) > threshold) suppressed[j] = 1;
    }
  }
  return kept;
}

/** IoU in float32. */
function roundedIou(boxes: Float32Array, i: number, j: number): number {
  const { fround, max, min } = Math;
  const area = (k: number) =>
    fround(fround(boxes[4 * k + 2]! - boxes[4 * k]!) * fround(boxes[4 * k + 3]! - boxes[4 * k + 1]!));
  const across = max(0, fround(min(boxes[4 * i + 2]!, boxes[4 * j + 2]!) - max(boxes[4 * i]!, boxes[4 * j]!)));
  const down = max(0, fround(min(boxes[4 * i + 3]!, boxes[4 * j + 3]!) - max(boxes[4 * i + 1]!, boxes[4 * j + 1]!)));
  const inside = fround(across * down);
  return fround(inside / fround(fround(area(i) + area(j)) - inside));
}

function mapped(boxes: Boxes, convert: Conversion): Float64Array {
  const out = new Float64Array(boxes.length);
  for (let i = 0; i < boxes.length; i += 4) out.set(convert(boxes[i]!, boxes[i + 1]!, boxes[i + 2]!, boxes[i + 3]!), i);
  return out;
}
