/** Detections of one class in one image, matched with what is there: as pycocotools' `evaluateImg` does. */
import { AREA_RANGES, type ClassRecord, IOU_THRESHOLDS, MAX_DETECTIONS } from './coco-record.ts';

/** Boxes of a class in an image, as x y width height. */
export interface ImageBoxes {
  readonly detections: Float64Array;
  readonly scores: readonly number[];
  readonly truths: Float64Array;
  readonly areas: readonly number[];
  readonly crowd: readonly boolean[];
}

const MOST = MAX_DETECTIONS.at(-1)!;

/** Adds the detections to a class's record. */
export function matchImage(record: ClassRecord, image: ImageBoxes): void {
  const { scores, truths: boxes, areas, crowd } = image;
  // Sorting is stable: equal scores stay in their order.
  const order = scores.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  const kept = order.slice(0, MOST);
  const detections = Float64Array.from(kept.flatMap((i) => [...image.detections.subarray(4 * i, 4 * i + 4)]));
  const overlaps = overlapsOf(detections, boxes, crowd);
  for (const [rank, i] of kept.entries()) {
    record.scores.push(scores[i]!);
    record.ranks.push(rank);
  }
  for (const [a, [low, high]] of AREA_RANGES.entries()) {
    const isIgnored = areas.map((area, g) => crowd[g]! || area < low || area > high);
    record.truths[a]! += isIgnored.filter((ignored) => !ignored).length;
    const first = areas.map((_, g) => g).sort((g, h) => Number(isIgnored[g]) - Number(isIgnored[h]));
    const flags = new Uint32Array(kept.length);
    for (const [t, threshold] of IOU_THRESHOLDS.entries()) {
      const taken = new Uint8Array(areas.length);
      for (let d = 0; d < kept.length; d++) {
        const match = bestMatch(d, threshold, { overlaps, first, taken, isIgnored, crowd });
        if (match >= 0) taken[match] = 1;
        const area = detections[4 * d + 2]! * detections[4 * d + 3]!;
        const ignored = match >= 0 ? isIgnored[match]! : area < low || area > high;
        flags[d]! |= (Number(match >= 0) | (Number(ignored) << IOU_THRESHOLDS.length)) << t;
      }
    }
    for (const flag of flags) record.flags[a]!.push(flag);
  }
}

/** What a detection is matched against, at one threshold and range of areas. */
interface Candidates {
  /** IoU [detections, truths]. */
  readonly overlaps: Float64Array;
  /** Truths, those that count before those that do not. */
  readonly first: readonly number[];
  readonly taken: Uint8Array;
  readonly isIgnored: readonly boolean[];
  readonly crowd: readonly boolean[];
}

/** The truth with the highest IoU, the last of equal ones; one that counts before one that does not. -1: none. */
function bestMatch(d: number, threshold: number, { overlaps, first, taken, isIgnored, crowd }: Candidates): number {
  let best = Math.min(threshold, 1 - 1e-10);
  let match = -1;
  for (const g of first) {
    if (taken[g] === 1 && !crowd[g]) continue;
    if (match >= 0 && !isIgnored[match] && isIgnored[g]) break;
    const overlap = overlaps[d * first.length + g]!;
    if (overlap < best) continue;
    best = overlap;
    match = g;
  }
  return match;
}

/** IoU of each detection and truth; of crowds the part of the detection that is inside. */
function overlapsOf(detections: Float64Array, truths: Float64Array, crowd: readonly boolean[]): Float64Array {
  const out = new Float64Array((detections.length / 4) * crowd.length);
  for (let d = 0, at = 0; d < detections.length; d += 4) {
    const [x, y, width, height] = [detections[d]!, detections[d + 1]!, detections[d + 2]!, detections[d + 3]!];
    for (let g = 0; g < crowd.length; g++, at++) {
      const [u, v, w, h] = [truths[4 * g]!, truths[4 * g + 1]!, truths[4 * g + 2]!, truths[4 * g + 3]!];
      const across = Math.min(width + x, w + u) - Math.max(x, u);
      const down = Math.min(height + y, h + v) - Math.max(y, v);
      if (!(across > 0 && down > 0)) continue;
      const inside = across * down;
      const area = width * height;
      out[at] = inside / (crowd[g] ? area : area + w * h - inside);
    }
  }
  return out;
}
