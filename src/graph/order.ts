/**
 * Planning, between fusion and memory: in-place updates move up to where they can first run. An optimizer's update, recorded at the end of
 * a step, then frees its gradient as soon as backward has computed it, and not all gradients are alive at once.
 */
import type { Group } from './group.ts';
import type { Data } from './value.ts';

/** The groups in an order with the same results: every group still runs after all that it depends on. */
export function updatesFirst(groups: readonly Group[]): Group[] {
  // Each group that stays, with the updates that follow it; the first list is of those that nothing precedes.
  const places: Group[][] = [[]];
  const read = new Map<Data, number>();
  const written = new Map<Data, number>();
  const latest = (list: readonly Data[], at: ReadonlyMap<Data, number>): number =>
    list.reduce((most, data) => Math.max(most, at.get(data) ?? 0), 0);
  for (const group of groups) {
    const { reads, writes } = group;
    const place = group.inPlace
      ? Math.max(latest(reads, written), latest(writes, written), latest(writes, read))
      : places.push([]) - 1;
    places[place]!.push(group);
    for (const data of reads) read.set(data, Math.max(place, read.get(data) ?? 0));
    for (const data of writes) written.set(data, place);
  }
  return places.flat();
}
