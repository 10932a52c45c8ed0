/** A functional model in the making: layers under Keras's names, and the order that Keras lists them in. */
import { snakeCase } from './bind.ts';
import type { Json } from './config.ts';
import type { KerasShape } from './shape.ts';

interface GraphLayer {
  readonly className: string;
  readonly name: string;
  readonly config: Json;
  readonly inbound: readonly string[];
}

/** Options of a convolution in a {@link LayerGraph}; what is left out is Keras's default. */
export interface ConvolutionOptions {
  readonly name?: string;
  readonly strides?: number;
  readonly padding?: 'valid' | 'same';
  /** False by default, unlike Keras's: most of these networks have a batch norm behind. */
  readonly bias?: boolean;
  readonly activation?: string;
  readonly initializer?: Json;
}

/** Options of a batch norm in a {@link LayerGraph}. */
export interface NormOptions {
  readonly epsilon?: number;
  readonly momentum?: number;
  readonly scale?: boolean;
}

/** Each method adds a layer behind those of the given names, and gives its name. */
export class LayerGraph {
  readonly #layers: GraphLayer[] = [];
  readonly #unnamed = new Map<string, number>();

  /** @param name Without it Keras's own: `add`, `add_1`, …. */
  add(className: string, from: string | readonly string[], config: Json = {}, name = this.nameFor(className)): string {
    this.#layers.push({ className, name, config, inbound: [from].flat() });
    return name;
  }

  /** @param shape Without the batch. */
  input(shape: KerasShape): string {
    return this.add('InputLayer', [], { batch_input_shape: [null, ...shape], dtype: 'float32' });
  }

  convolution(from: string, filters: number, kernel: number | readonly number[], options: ConvolutionOptions): string {
    const { name, initializer, ...window } = options;
    const config = { filters, ...windowOf(kernel, window), ...(initializer && { kernel_initializer: initializer }) };
    return this.add('Conv2D', from, config, name);
  }

  depthwise(from: string, kernel: number, options: ConvolutionOptions & { readonly multiplier?: number }): string {
    const { name, initializer, multiplier = 1, ...window } = options;
    const own = { depth_multiplier: multiplier, ...(initializer && { depthwise_initializer: initializer }) };
    return this.add('DepthwiseConv2D', from, { ...windowOf(kernel, window), ...own }, name);
  }

  separable(from: string, filters: number, name: string): string {
    return this.add('SeparableConv2D', from, { filters, ...windowOf(3, { padding: 'same' }) }, name);
  }

  norm(from: string, name?: string, { epsilon = 1e-3, momentum = 0.99, scale = true }: NormOptions = {}): string {
    return this.add('BatchNormalization', from, { axis: -1, momentum, epsilon, scale }, name);
  }

  activation(from: string, activation: string, name?: string): string {
    return this.add('Activation', from, { activation }, name);
  }

  /** @param margins [top, bottom] and [left, right], or one number for all. */
  pad(from: string, margins: number | readonly (readonly number[])[], name?: string): string {
    const [top, left] = typeof margins === 'number' ? [0, 1].map(() => [margins, margins]) : margins;
    return this.add('ZeroPadding2D', from, { padding: [top, left] }, name);
  }

  /** @param padding 'valid' by default. */
  pool(kind: 'Max' | 'Average', from: string, size: number, strides: number, name?: string, padding = 'valid'): string {
    const config = { pool_size: [size, size], strides: [strides, strides], padding };
    return this.add(`${kind}Pooling2D`, from, config, name);
  }

  globalPool(kind: 'Max' | 'Average', from: string, name?: string): string {
    return this.add(`Global${kind}Pooling2D`, from, {}, name);
  }

  /** `{ class_name, config }` as Keras saves it. */
  topology(name: string, output: string): Json {
    return {
      class_name: 'Functional',
      config: {
        name,
        layers: this.#inOrder(output).map((layer) => ({
          class_name: layer.className,
          config: { name: layer.name, trainable: true, ...layer.config },
          name: layer.name,
          inbound_nodes: layer.inbound.length === 0 ? [] : [layer.inbound.map((from) => [from, 0, 0, {}])],
        })),
        input_layers: [[this.#layers[0]!.name, 0, 0]],
        output_layers: [[output, 0, 0]],
      },
    };
  }

  /** From the farthest of the output to the output; of those equally far, in the order that a walk from the output meets them. */
  #inOrder(output: string): GraphLayer[] {
    const byName = new Map(this.#layers.map((layer) => [layer.name, layer]));
    const met = new Map<string, number>();
    const walk = (name: string): void => {
      if (met.has(name)) return;
      met.set(name, met.size);
      byName.get(name)!.inbound.forEach(walk);
    };
    walk(output);
    const distance = new Map([[output, 0]]);
    for (const { name, inbound } of this.#layers.toReversed())
      for (const from of inbound) distance.set(from, Math.max(distance.get(from) ?? 0, distance.get(name)! + 1));
    return this.#layers.toSorted(
      (a, b) => distance.get(b.name)! - distance.get(a.name)! || met.get(a.name)! - met.get(b.name)!,
    );
  }

  /** The name that Keras gives the next layer of a class: `add`, `add_1`, …. */
  nameFor(className: string): string {
    const base = className === 'InputLayer' ? 'input_layer' : snakeCase(className);
    const n = this.#unnamed.get(base) ?? 0;
    this.#unnamed.set(base, n + 1);
    return n === 0 ? base : `${base}_${n}`;
  }
}

function windowOf(kernel: number | readonly number[], options: Omit<ConvolutionOptions, 'name' | 'initializer'>): Json {
  const { strides = 1, padding = 'valid', bias = false, activation = 'linear' } = options;
  const kernel_size = typeof kernel === 'number' ? [kernel, kernel] : kernel;
  return { kernel_size, strides: [strides, strides], padding, use_bias: bias, activation };
}

/** Height and width, null for an open one. */
export type Sides = readonly [height: number | null, width: number | null];

/** What a stride of 2 leaves of an image. */
export function half(sides: Sides): Sides {
  const [height, width] = sides.map((side) => (side === null ? null : Math.ceil(side / 2)));
  return [height!, width!];
}

/** Margins before a convolution of stride 2 that centre it as 'same' does: less above and on the left of even sizes. */
export function correctPad(sides: Sides, kernel: number): number[][] {
  const half = Math.floor(kernel / 2);
  return sides.map((side) => [half - (side === null ? 1 : 1 - (side % 2)), half]);
}
