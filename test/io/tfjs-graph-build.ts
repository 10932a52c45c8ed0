/** TF.js graph models as TensorFlow's converter writes them, made by hand with seeded weights. */
import { Generator } from '../../src/core/random.ts';

type Attributes = Readonly<Record<string, unknown>>;
type Shape = readonly number[];

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const shapeJSON = (shape: Shape) => ({ dim: shape.map((size) => ({ size: String(size) })) });

/** Attributes by the form of their values: lists of numbers and texts, whole numbers as text, floats as { f }. */
function attribute(value: unknown): unknown {
  if (typeof value === 'boolean') return { b: value };
  if (typeof value === 'number') return { i: String(value) };
  if (typeof value === 'string') return value.startsWith('DT_') ? { type: value } : { s: base64(value) };
  if (!Array.isArray(value)) return value;
  return { list: typeof value[0] === 'string' ? { s: value.map(base64) } : { i: value.map(String) } };
}

export class TfGraphBuilder {
  readonly #random: Generator;
  readonly #nodes: object[] = [];
  readonly #weights: { name: string; shape: Shape; dtype: string; data: Float32Array | Int32Array }[] = [];
  readonly #inputs: Record<string, object> = {};

  constructor(seed = 1) {
    this.#random = new Generator(seed);
  }

  /** An input; -1 where a size is open. */
  input(name: string, shape: Shape, dtype = 'DT_FLOAT'): string {
    this.#nodes.push({ name, op: 'Placeholder', attr: { shape: { shape: shapeJSON(shape) }, dtype: { type: dtype } } });
    this.#inputs[name] = { name: `${name}:0`, dtype, tensorShape: shapeJSON(shape) };
    return name;
  }

  node(op: string, name: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const attr = Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, attribute(value)]));
    this.#nodes.push({ name, op, input: inputs, attr: { T: { type: 'DT_FLOAT' }, ...attr } });
    return name;
  }

  /** A constant; normal numbers of a deviation where none are given. */
  weight(name: string, shape: Shape, values?: readonly number[] | { mean?: number; deviation: number }): string {
    const size = shape.reduce((n, d) => n * d, 1);
    const { mean = 0, deviation = 0.5 } = Array.isArray(values)
      ? {}
      : ((values ?? {}) as { mean?: number; deviation?: number });
    const data = Array.isArray(values)
      ? Float32Array.from(values as number[])
      : Float32Array.from({ length: size }, () => mean + deviation * this.#random.normal());
    return this.#constant(name, shape, 'float32', data);
  }

  /** Paddings [[before, after], …], in a row. */
  paddings(name: string, list: readonly number[]): string {
    return this.#constant(name, [list.length / 2, 2], 'int32', Int32Array.from(list));
  }

  ints(name: string, list: readonly number[] | number): string {
    const values = typeof list === 'number' ? [list] : list;
    return this.#constant(name, typeof list === 'number' ? [] : [values.length], 'int32', Int32Array.from(values));
  }

  #constant(name: string, shape: Shape, dtype: string, data: Float32Array | Int32Array): string {
    const type = dtype === 'float32' ? 'DT_FLOAT' : 'DT_INT32';
    const tensor = { dtype: type, tensorShape: shapeJSON(shape) };
    this.#nodes.push({ name, op: 'Const', attr: { dtype: { type }, value: { tensor } } });
    this.#weights.push({ name, shape, dtype, data });
    return name;
  }

  /** `model.json` and its one shard. @param outputs names with their sizes. */
  finish(outputs: Readonly<Record<string, Shape>>): { json: string; shard: Uint8Array<ArrayBuffer> } {
    const signature = {
      inputs: this.#inputs,
      outputs: Object.fromEntries(
        Object.entries(outputs).map(([name, shape]) => [
          name,
          { name: `${name}:0`, dtype: 'DT_FLOAT', tensorShape: shapeJSON(shape) },
        ]),
      ),
    };
    const bytes = this.#weights.map(({ data }) => new Uint8Array(data.buffer));
    const weights = this.#weights.map(({ name, shape, dtype }) => ({ name, shape, dtype }));
    const json = {
      ...{ format: 'graph-model', generatedBy: '2.4.0', convertedBy: 'TensorFlow.js Converter v3.0.0', signature },
      modelTopology: { node: this.#nodes, library: {}, versions: { producer: 440 } },
      weightsManifest: [{ paths: ['group1-shard1of1.bin'], weights }],
    };
    return { json: JSON.stringify(json), shard: new Uint8Array(Buffer.concat(bytes)) };
  }
}
