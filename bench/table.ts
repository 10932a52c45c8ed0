/** Measurements for people: one aligned line each, printed as they come. */
import type { InputMeasurement } from './input.ts';
import type { Measurement } from './measure.ts';

const MIB = 2 ** 20;

/** Milliseconds with three significant digits: 0.173, 12.4, 1,043. */
export function formatMs(ms: number): string {
  if (ms >= 100) return Math.round(ms).toLocaleString('en-US');
  return ms.toFixed(ms >= 10 ? 1 : ms >= 1 ? 2 : 3);
}

interface Column<M> {
  readonly title: string;
  readonly width: number;
  readonly cell: (m: M) => string;
}

const stepColumns: readonly Column<Measurement>[] = [
  { title: 'median ms', width: 9, cell: (m) => formatMs(m.ms_median) },
  { title: 'min ms', width: 8, cell: (m) => formatMs(m.ms_min) },
  { title: 'n', width: 3, cell: (m) => String(m.samples) },
  { title: 'GFLOP/s', width: 8, cell: (m) => m.gflops?.toFixed(1) ?? '' },
  { title: 'first ms', width: 8, cell: (m) => formatMs(m.first_run_ms) },
  { title: 'JS ms', width: 7, cell: (m) => formatMs(m.js_ms) },
  { title: 'CPU ms', width: 8, cell: (m) => formatMs(m.cpu_ms) },
  { title: 'peak MiB', width: 9, cell: (m) => (m.peak_bytes / MIB).toFixed(1) },
  { title: 'bound MiB', width: 9, cell: (m) => (m.lower_bound_bytes / MIB).toFixed(1) },
  { title: 'kernels', width: 7, cell: (m) => String(m.dispatches) },
  { title: 'other CPU', width: 9, cell: (m) => m.other_cpu?.toFixed(2) ?? '' },
];

const perSecond = (images: number | null): string => images?.toFixed(images >= 100 ? 0 : 1) ?? '';

const inputColumns: readonly Column<InputMeasurement>[] = [
  { title: 'loader images/s', width: 15, cell: (m) => perSecond(m.loader_images_per_s) },
  { title: 'CPU ms/image', width: 12, cell: (m) => formatMs(m.loader_cpu_ms) },
  { title: 'step images/s', width: 13, cell: (m) => perSecond(m.step_images_per_s) },
  { title: 'both images/s', width: 13, cell: (m) => perSecond(m.both_images_per_s) },
  {
    title: 'of the slower',
    width: 13,
    cell: ({ share_of_slower: share }) => (share === null ? '' : `${Math.round(100 * share)} %`),
  },
  { title: 'threads', width: 7, cell: (m) => String(m.loader_threads) },
  { title: 'other CPU', width: 9, cell: (m) => m.other_cpu?.toFixed(2) ?? '' },
];

/** Prints a heading and rows of one kind, for workloads whose names have at most `width` characters. */
class Table<M extends { readonly workload: string }> {
  readonly #columns: readonly Column<M>[];

  constructor(columns: readonly Column<M>[]) {
    this.#columns = columns;
  }

  heading(width: number): string {
    return ['workload'.padEnd(width), ...this.#columns.map((c) => c.title.padStart(c.width))].join('  ');
  }

  row(width: number, m: M): string {
    return [m.workload.padEnd(width), ...this.#columns.map((c) => c.cell(m).padStart(c.width))].join('  ');
  }
}

/** Of steps. */
export const stepTable: Table<Measurement> = new Table(stepColumns);
/** Of loading beside training. */
export const inputTable: Table<InputMeasurement> = new Table(inputColumns);
