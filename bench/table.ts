/** Measurements for people: one aligned line each, printed as they come. */
import type { Measurement } from './measure.ts';

const MIB = 2 ** 20;

/** Milliseconds with three significant digits: 0.173, 12.4, 1,043. */
export function formatMs(ms: number): string {
  if (ms >= 100) return Math.round(ms).toLocaleString('en-US');
  return ms.toFixed(ms >= 10 ? 1 : ms >= 1 ? 2 : 3);
}

interface Column {
  readonly title: string;
  readonly width: number;
  readonly cell: (m: Measurement) => string;
}

const columns: readonly Column[] = [
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

/** The heading for workloads whose names have at most `width` characters. */
export function tableHeading(width: number): string {
  return ['workload'.padEnd(width), ...columns.map((c) => c.title.padStart(c.width))].join('  ');
}

export function tableRow(width: number, m: Measurement): string {
  return [m.workload.padEnd(width), ...columns.map((c) => c.cell(m).padStart(c.width))].join('  ');
}
