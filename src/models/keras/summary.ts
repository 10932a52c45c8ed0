/** `model.summary()` as Keras 3 prints it. */
import { columnWidths, padded } from '../../device/columns.ts';
import type { SummaryOptions } from '../../nn/index.ts';
import type { KerasLayer } from './layer.ts';
import { formatKerasShape } from './shape.ts';

/** Options of {@link KerasModel.summary}. */
export interface KerasSummaryOptions extends SummaryOptions {
  /** Whether the layers of models inside are listed; false by default. */
  expandNested?: boolean;
  /** Whether a column says what is trainable; false by default. */
  showTrainable?: boolean;
}

interface Summarized {
  readonly name: string;
  readonly kind: 'Sequential' | 'Functional';
  readonly layers: readonly KerasLayer[];
}

/** Layers that have more than one input, or more than one use, make the column 'Connected to' worth its place. */
function isChain(layers: readonly KerasLayer[]): boolean {
  const users = new Map<string, number>();
  for (const { inbound } of layers) {
    if (inbound.length > 1 || (inbound[0]?.length ?? 0) > 1) return false;
    for (const name of inbound.flat()) users.set(name, (users.get(name) ?? 0) + 1);
  }
  return [...users.values()].every((n) => n === 1);
}

/** The table and the totals. Columns are as wide as their longest cell. */
export function kerasSummary(model: Summarized, options: KerasSummaryOptions): string {
  const chain = model.kind === 'Sequential' || isChain(model.layers);
  const head = ['Layer (type)', 'Output Shape', 'Param #'];
  if (!chain) head.push('Connected to');
  if (options.showTrainable) head.push('Trainable');
  const rows: string[][] = [];
  const visit = (layers: readonly KerasLayer[], level: number): void => {
    for (const layer of layers) {
      const prefix = level === 0 ? '' : `${'   '.repeat(level)}└ `;
      const weights = layer.weights;
      const row = [
        `${prefix}${layer.name} (${layer.type})`,
        formatKerasShape(layer.outputShape),
        count(weights).toLocaleString('en-US'),
      ];
      if (!chain) row.push(connections(layer));
      if (options.showTrainable) row.push(weights.length === 0 ? '-' : layer.trainable ? 'Y' : 'N');
      rows.push(row);
      if (options.expandNested && layer.layers) visit(layer.layers, level + 1);
    }
  };
  visit(model.layers, 0);
  const weights = [...new Map(model.layers.flatMap((l) => l.weights).map((w) => [w.tensor, w])).values()];
  const trainable = weights.filter((w) => w.trainable);
  return [
    `Model: "${model.name}"`,
    ...table(head, rows),
    ` Total params: ${total(weights)}`,
    ` Trainable params: ${total(trainable)}`,
    ` Non-trainable params: ${total(weights.filter((w) => !w.trainable))}`,
  ].join('\n');
}

function connections(layer: KerasLayer): string {
  const names = layer.inbound.flat();
  return names.length === 0 ? '-' : names.map((name) => `${name}[0][0]`).join(', ');
}

function count(weights: KerasLayer['weights']): number {
  return weights.reduce((sum, { tensor }) => sum + tensor.size, 0);
}

/** `25,636,712 (97.80 MB)`. */
function total(weights: KerasLayer['weights']): string {
  let bytes = 4 * count(weights);
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let unit = 0;
  for (; bytes >= 1024 && unit < units.length - 1; unit++) bytes /= 1024;
  return `${count(weights).toLocaleString('en-US')} (${twoDecimals(bytes)} ${units[unit]})`;
}

/** Two decimals as Python prints them: a tie, which is exact in binary, goes to the even digit. */
function twoDecimals(value: number): string {
  const hundredths = value * 100;
  const tie = hundredths % 1 === 0.5 && Math.floor(hundredths) % 2 === 0;
  return ((tie ? Math.floor(hundredths) : Math.round(hundredths)) / 100).toFixed(2);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = columnWidths([head, ...rows]);
  const rule = (left: string, line: string, cross: string, right: string) =>
    `${left}${widths.map((w) => line.repeat(w + 2)).join(cross)}${right}`;
  const cells = (edge: string, row: readonly string[]) =>
    `${edge}${row.map((cell, i) => ` ${padded(cell, widths[i]!, head[i] === 'Param #')} `).join(edge)}${edge}`;
  const separator = rule('├', '─', '┼', '┤');
  return [
    rule('┏', '━', '┳', '┓'),
    cells('┃', head),
    rule('┡', '━', '╇', '┩'),
    ...rows.flatMap((row, i) => (i === 0 ? [cells('│', row)] : [separator, cells('│', row)])),
    rule('└', '─', '┴', '┘'),
  ];
}
