/** COCO's outlines as masks: the classes are the background and the categories. */

import { findCoco } from '../boxes/find-coco.ts';
import { partsOfBoxes } from '../boxes/read-boxes.ts';
import type { DataFiles } from '../folders/data-files.ts';
import type { Split } from '../folders/split-names.ts';
import { count, someOf } from '../some-of.ts';
import type { MaskCoding } from './coding.ts';
import type { MaskOutline, MaskSample } from './mask-sample.ts';
import { outlineFault } from './outlines.ts';

/** What {@link findOutlines} found. */
export interface OutlineSamples {
  readonly samples: readonly MaskSample[];
  /** Of each sample. */
  readonly splits: readonly (Split | null)[];
  readonly coding: MaskCoding;
  readonly leftOut: [reason: string, path: string][];
  readonly notes: readonly string[];
}

/**
 * Photos with the outlines of a COCO file. Those that cannot be drawn are left out and told.
 * @returns null where there is no COCO file, or none of its annotations has an outline.
 * @throws DataError as `readBoxes`.
 */
export async function findOutlines(files: DataFiles): Promise<OutlineSamples | null> {
  const found = await findCoco(files, { segmentations: true });
  if (!found) return null;
  const { classes, parts, leftOut, leftOutBoxes, notes } = await partsOfBoxes(files, found, { segmentations: true });
  const names = ['background', ...classes];
  const coding: MaskCoding = { classes: names, labels: names.map((_, i) => [i, i] as const), isColour: false };
  const samples: MaskSample[] = [];
  const splits: (Split | null)[] = [];
  const faults: string[] = [];
  let outlines = 0;
  for (const [split, part] of parts)
    for (const { path, width, height, labels, crowd, segmentations } of part) {
      const mask: MaskOutline[] = [];
      for (const [i, segmentation] of segmentations!.entries()) {
        const fault = outlineFault(segmentation, width, height);
        if (fault === null) mask.push({ label: labels[i]! + 1, crowd: crowd[i] === 1, segmentation });
        else faults.push(`${path}: ${fault}`);
      }
      outlines += mask.length;
      const drawn = mask.filter((outline) => !outline.crowd).map(({ label }) => label);
      samples.push({ path, width, height, mask, labels: [0, ...new Set(drawn)].sort((a, b) => a - b) });
      splits.push(split);
    }
  if (outlines === 0) return null;
  const told = [
    ...(faults.length > 0
      ? [`${count(faults.length, 'object')} without an outline that can be drawn, the first in ${faults[0]}.`]
      : []),
    ...leftOutBoxes.map(
      ({ reason, count: n, examples }) =>
        `${count(n, 'object')} left out, ${reason}: ${someOf(examples.slice(0, 1), '')}.`,
    ),
  ];
  return {
    ...{ samples, splits, coding },
    leftOut: leftOut.flatMap(({ reason, paths }) => paths.map((path): [string, string] => [reason, path])),
    notes: [...notes, ...told],
  };
}
