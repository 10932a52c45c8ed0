/** Rows of a table by their numbers: what words, positions and the like are to a network. */
import { ArgumentError, ShapeError } from '../core/errors.ts';
import { formatShape } from '../core/shape.ts';
import { recordElementwise, recordKernel } from '../graph/record.ts';
import { floatTypeOf, hostValue, type Value, withShape } from '../graph/value.ts';
import * as kernels from '../kernels/embedding.ts';
import { defineOp, type Op } from './op.ts';
import { reduceAxes } from './reduce.ts';

export interface EmbeddingAttributes {
  /** The row that gets no gradient; negative ones count from the end. */
  readonly paddingIdx?: number | undefined;
}

/** Tables of up to so many rows get their gradient by one sum a row, over all places. */
const FEW_ROWS = 16;

/** Whether such sums read no more than it takes to find each place's next one of its row. */
const isSmall = (rows: number, width: number, places: number): boolean => rows <= FEW_ROWS || rows * width <= places;

function sizesOf(ids: Value, table: Value, { paddingIdx }: EmbeddingAttributes) {
  if (table.shape.length !== 2)
    throw new ShapeError(
      'embedding',
      `the table must have 2 dimensions [rows, width], got ${formatShape(table.shape)}.`,
      [ids.shape, table.shape],
    );
  if (ids.data.dtype !== 'int32')
    throw new ShapeError(
      'embedding',
      `the numbers of rows must be int32, got ${ids.data.dtype}. Pass an Int32Array, or { dtype: 'int32' }.`,
      [ids.shape],
    );
  const [rows, width] = table.shape as [number, number];
  const padding = paddingIdx !== undefined && paddingIdx < 0 ? rows + paddingIdx : (paddingIdx ?? -1);
  if (paddingIdx !== undefined && !(Number.isInteger(padding) && padding >= 0 && padding < rows))
    throw new ArgumentError(
      `embedding: paddingIdx must be the number of one of the table’s ${rows} rows, got ${paddingIdx}.`,
    );
  return { places: ids.data.count, rows, width, padding };
}

/** Numbers that are on the host are looked at; on the GPU those that are out of range read some row of the table. */
function checkIds({ data: { host } }: Value, rows: number): void {
  // What is still to be made may never be needed.
  if (host === null || typeof host === 'function') return;
  const at = host.findIndex((id: number) => id < 0 || id >= rows);
  if (at < 0) return;
  throw new ArgumentError(
    `embedding: expected numbers from 0 to ${rows - 1}, of the table’s rows, got ${host[at]} at ${at}. ` +
      'The vocabulary that made them is not that of the network.',
  );
}

/** inputs: numbers of rows int32 of any shape, table [rows, width]; gives [...shape, width]. As `F.embedding`. */
export const embedding: Op<EmbeddingAttributes> = defineOp<EmbeddingAttributes>({
  name: 'embedding',
  forward: ([ids, table], attributes) => {
    const sizes = sizesOf(ids!, table!, attributes);
    checkIds(ids!, sizes.rows);
    const outputs = [{ shape: [...ids!.shape, sizes.width], dtype: floatTypeOf(table!) }];
    const [y] = recordKernel('embedding', [ids!, table!], outputs, {
      key: '',
      lower: (target, epilogue) => kernels.embedding(target, sizes, epilogue),
      fuses: 'epilogue',
      axes: { column: { inner: 1, size: sizes.width } },
      samplewise: ids!.shape.length > 0,
    });
    return y!;
  },
  backward: (gy, { inputs: [ids, table], attributes, needs }) => {
    if (!needs[1]) return [null, null];
    const { places, rows, width, padding } = sizesOf(ids!, table!, attributes);
    const g = withShape(gy, [places, width]);
    if (isSmall(rows, width, places)) return [null, sumOfEach(g, ids!, rows, padding)];
    const [gradient] = recordKernel(
      'embeddingGrad',
      [g, withShape(ids!, [places])],
      [{ shape: table!.shape, dtype: floatTypeOf(table!) }],
      {
        key: `${padding}`,
        lower: (target, epilogue) => kernels.embeddingGrad(target, { places, rows, width, padding }, epilogue),
        fuses: 'epilogue',
        axes: { column: { inner: 1, size: width } },
      },
    );
    return [null, gradient!];
  },
});

/** For each row the sum of the places that read it, as one reduction: a table of two rows is read thousands of times. */
function sumOfEach(gy: Value, ids: Value, rows: number, padding: number): Value {
  const [places, width] = gy.shape as [number, number];
  const numbers = Int32Array.from({ length: rows }, (_, row) => (row === padding ? -1 : row));
  const terms = recordElementwise(
    'embedding.terms',
    'select(T(0), a, b == c)',
    [withShape(gy, [1, places, width]), withShape(ids, [1, places, 1]), hostValue([rows, 1, 1], 'int32', numbers)],
    [rows, places, width],
    { dtype: floatTypeOf(gy) },
  );
  return reduceAxes('sum', terms, [1], false);
}
