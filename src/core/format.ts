/** Numbers as people read them: durations, bytes, counts, percentages. Used by the terminal and the report. */

const NO_BREAK = '\u00a0';

/** `0.42 s`, `12.3 s`, `3 min 05 s`, `2 h 07 min`; an en dash where there is no number. */
export function formatDuration(seconds: number | null): string {
  if (!isNumber(seconds) || seconds < 0) return '–';
  if (seconds < 9.995) return `${seconds.toFixed(2)}${NO_BREAK}s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)}${NO_BREAK}s`;
  const whole = Math.round(seconds);
  const [h, min, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const pad = (value: number): string => String(value).padStart(2, '0');
  return h > 0 ? `${h}${NO_BREAK}h ${pad(min)}${NO_BREAK}min` : `${min}${NO_BREAK}min ${pad(s)}${NO_BREAK}s`;
}

/** `512 B`, `1.5 kB`, `102 MB`: powers of 1000. */
export function formatBytes(bytes: number | null): string {
  if (!isNumber(bytes)) return '–';
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= (unit === 0 ? 1000 : 999.5) && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(Math.abs(value) < 99.95 ? 1 : 0)}${NO_BREAK}${units[unit]}`;
}

/** `25,557,032`; compact: `25.6 M`. */
export function formatCount(count: number | null, options: { compact?: boolean } = {}): string {
  if (!isNumber(count)) return '–';
  if (!options.compact || Math.abs(count) < 10_000) return count.toLocaleString('en-US');
  const [value, unit] =
    Math.abs(count) < 999_500
      ? [count / 1e3, 'k']
      : Math.abs(count) < 999_500_000
        ? [count / 1e6, 'M']
        : [count / 1e9, 'G'];
  return `${value.toFixed(Math.abs(value) < 99.95 ? 1 : 0)}${NO_BREAK}${unit}`;
}

/** `94.1 %`. 100 and 0 are written only where they are exact. */
export function formatPercent(share: number | null, digits = 1): string {
  if (!isNumber(share)) return '–';
  if (share === 0 || share === 1) return `${share * 100}${NO_BREAK}%`;
  const step = 10 ** -digits;
  const bounded = share > 0 && share < 1 ? Math.min(100 - step, Math.max(step, share * 100)) : share * 100;
  return `${bounded.toFixed(digits)}${NO_BREAK}%`;
}

/** A loss or another measured value to about three significant digits: `0.412`, `2.30`, `1.2e-5`. */
export function formatValue(value: number | null): string {
  if (!isNumber(value)) return '–';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(1);
  return value.toFixed(size < 1 ? 3 : size < 100 ? 2 : 0);
}

/** Whether there is a finite number: a diverged run's NaN is `null` after JSON. */
export function isNumber(value: number | null | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** '1 epoch', '8 epochs'. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)}\u00a0${count === 1 ? one : many}`;
}

/** 'ants, bees'; of many the first five: 'ants, bees, cats, dogs, eels and 12 more'. */
export function namesInWords(names: readonly string[]): string {
  if (names.length <= 6) return names.join(', ');
  return `${names.slice(0, 5).join(', ')} and ${formatCount(names.length - 5)} more`;
}
