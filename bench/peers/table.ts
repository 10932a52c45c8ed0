/** A comparison for people: a row a workload, the peers' figures beside ours and as multiples of them. */
import { columns } from '../../src/device/columns.ts';
import { formatMs } from '../table.ts';
import type { Outcome, Result, Row } from './comparison.ts';

const MIB = 2 ** 20;

/** How many times ours: 0.08x, 5.25x, 13.9x, 116x. */
export function formatRatio(ratio: number): string {
  return `${ratio.toFixed(ratio >= 100 ? 0 : ratio >= 10 ? 1 : 2)}x`;
}

/** Theirs as a multiple of ours; undefined where one of them is not known. */
export function ratioOf(field: Figure, ours: Outcome, theirs: Outcome | undefined): number | undefined {
  const [a, b] = [figure(field, ours), figure(field, theirs)];
  return a && b ? b / a : undefined;
}

export type Figure = 'ms_median' | 'first_run_ms' | 'live_peak_bytes';

const figure = (field: Figure, outcome: Outcome | undefined): number | undefined =>
  outcome && !('error' in outcome) ? outcome[field] : undefined;

interface Column {
  readonly title: string;
  readonly cell: (row: Row) => string;
}

const own = (title: string, field: Figure, format: (value: number) => string): Column => ({
  title,
  cell: ({ ours }) => ('error' in ours && field === 'ms_median' ? 'failed' : show(figure(field, ours), format)),
});

const show = (value: number | undefined, format: (value: number) => string): string =>
  value === undefined ? '' : format(value);

/** Milliseconds and how many times ours. */
const time = (peer: string): Column => ({
  title: `${peer} ms`,
  cell: ({ ours, peers }) => {
    const outcome = peers.get(peer);
    if (!outcome) return '';
    if ('error' in outcome) return 'failed';
    const ratio = show(ratioOf('ms_median', ours, outcome), formatRatio);
    return `${formatMs(outcome.ms_median)}${ratio.padStart(7)}`;
  },
});

const ratio = (peer: string, field: Figure): Column => ({
  title: peer,
  cell: ({ ours, peers }) => show(ratioOf(field, ours, peers.get(peer)), formatRatio),
});

/** The most that disturbed any of the row's processes. */
const disturbance: Column = {
  title: 'other CPU',
  cell: ({ ours, peers }) => {
    const loads = [ours, ...peers.values()].map((outcome) => (outcome as Partial<Result>).other_cpu ?? -1);
    const most = Math.max(...loads);
    return most < 0 ? '' : most.toFixed(2);
  },
};

/** The aligned table; a column in which nothing stands is left out. */
export function formatTable(rows: readonly Row[], peers: readonly string[]): string {
  const all: Column[] = [
    { title: 'workload', cell: ({ workload }) => workload },
    own('ours ms', 'ms_median', formatMs),
    ...peers.map(time),
    own('first ms', 'first_run_ms', formatMs),
    ...peers.map((peer) => ratio(peer, 'first_run_ms')),
    own('peak MiB', 'live_peak_bytes', (bytes) => (bytes / MIB).toFixed(1)),
    ...peers.map((peer) => ratio(peer, 'live_peak_bytes')),
    disturbance,
  ];
  const shown = all.filter(({ cell }) => rows.some((row) => cell(row) !== ''));
  const lines = [shown.map(({ title }) => title), ...rows.map((row) => shown.map(({ cell }) => cell(row)))];
  const right = shown.map((_, c) => c).slice(1);
  return columns(lines, right).join('\n');
}
