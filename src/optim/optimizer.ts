/** What all optimizers share: parameter groups, skipping what is frozen, state that can be saved and resumed. */

import { atLeast, check } from '../core/check.ts';
import { type TensorData, toFloat32 } from '../core/dtype.ts';
import { ArgumentError } from '../core/errors.ts';
import { checkOptions, type OptionNames, shown } from '../core/options.ts';
import { formatShape, sameShape, sizeOf } from '../core/shape.ts';
import { internal } from '../graph/record.ts';
import { dispose, readBack } from '../graph/run.ts';
import { slotValue, type Value } from '../graph/value.ts';
import { adopt, orphansBeside } from '../tensor/ownership.ts';
import { Tensor } from '../tensor/tensor.ts';

/** Parameters with hyperparameters of their own; the optimizer's defaults fill in what is left out. */
export type GroupOptions<H> = { readonly params: Iterable<Tensor> } & Partial<H>;

/** A parameter group as it is now: schedules write `lr` (and `momentum`) here. */
export type ParamGroup<H> = { params: Tensor[]; lr: number; initialLr?: number } & H;

/** What {@link SGD}, {@link Adam} and {@link AdamW} share: parameter groups, and state that can be saved. */
export abstract class Optimizer<H extends { lr: number }> {
  readonly paramGroups: ParamGroup<H>[];
  /** Per parameter: momentum buffers, step counts. Made at the first step, dropped when the parameter is frozen. */
  readonly #state = new Map<Tensor, Record<string, Value>>();

  /** @param params parameters, or groups of them with options of their own. Frozen ones may be among them: they are skipped. */
  constructor(
    params: Iterable<Tensor> | Iterable<GroupOptions<H>>,
    defaults: Partial<H>,
    options: Partial<H>,
    names: OptionNames<H>,
  ) {
    const name = this.constructor.name;
    checkOptions(name, options, names as OptionNames<Partial<H>>);
    const list = listed(name, params as Iterable<Tensor | GroupOptions<H>>);
    const grouped = list.some(isGroup);
    const groups = (grouped ? list : [{ params: list }]) as GroupOptions<H>[];
    const groupNames = { ...names, params: true, initialLr: true } as OptionNames<GroupOptions<H>>;
    for (const group of groups) checkOptions(`${name}: a group`, group, groupNames);
    this.paramGroups = groups.map(
      (g) => ({ ...defaults, ...options, ...g, params: listed(name, g.params) }) as ParamGroup<H>,
    );
    const all = this.paramGroups.flatMap((g) => g.params);
    for (const param of all) if (!(param instanceof Tensor)) throw noParameters(name, param);
    if (!all.length) throw new ArgumentError('optimizer: got no parameters.');
    if (new Set(all).size < all.length)
      throw new ArgumentError('optimizer: a parameter appears in two groups, or twice in one.');
    for (const { lr } of this.paramGroups)
      if (typeof lr !== 'number')
        throw new ArgumentError(`${name}: expected a learning rate, got ${shown(lr)}. Pass { lr: 1e-3 }.`);
    for (const g of this.paramGroups)
      for (const [name, value] of Object.entries(g))
        if (typeof value === 'number') check('optimizer', name, value, atLeast(0));
    adopt(all);
  }

  /** Drops all gradients. */
  zeroGrad(): void {
    internal(() => {
      for (const { params } of this.paramGroups) for (const p of params) p.grad = null;
    });
  }

  /**
   * Updates every parameter that is trainable and has a gradient. A parameter frozen since keeps its bytes and loses its state.
   * @throws ArgumentError if the same backward() reached parameters that no optimizer has: those of a head that was grafted afterwards.
   * @param foundInf a scalar; where it is not 0, no parameter and no state changes. `GradScaler` gives it.
   */
  step(foundInf: Tensor | null = null): void {
    const orphans = orphansBeside(this.paramGroups.flatMap((g) => g.params));
    if (orphans.length) throw forgotten('optimizer', orphans);
    internal(() => {
      for (const group of this.paramGroups) {
        for (const p of group.params) {
          if (!p.requires_grad) this.#forget(p);
          if (!p.requires_grad || !p.grad) continue;
          if (p.dtype !== 'float32')
            throw new ArgumentError(
              `optimizer: a parameter of ${formatShape(p.shape)} is ${p.dtype}. Keep parameters in float32, and compute in autocast().`,
            );
          this.update(p, [p.grad.value, ...(foundInf ? [foundInf.value] : [])], group);
        }
      }
    });
  }

  /** Records the update of one parameter from its gradient and, where there is one, the flag that skips it. */
  protected abstract update(param: Tensor, inputs: readonly Value[], group: ParamGroup<H>): void;

  /** State `name` of a parameter: zeros of `shape` when it is new. */
  protected state(param: Tensor, name: string, shape: readonly number[]): Value {
    let state = this.#state.get(param);
    if (!state) this.#state.set(param, (state = {}));
    return (state[name] ??= slotValue(shape, 'float32', () => new Float32Array(sizeOf(shape))));
  }

  #forget(param: Tensor): void {
    for (const value of Object.values(this.#state.get(param) ?? {})) dispose(value);
    this.#state.delete(param);
  }

  /** All state, as `GROUP.INDEX.NAME`, and the groups' numbers: what a checkpoint holds. */
  async stateDict(): Promise<{ state: Map<string, TensorData>; groups: Record<string, unknown>[] }> {
    const entries = this.paramGroups.flatMap(({ params }, g) =>
      params.flatMap((p, k) =>
        Object.entries(this.#state.get(p) ?? {}).map(([name, value]) => [`${g}.${k}.${name}`, value] as const),
      ),
    );
    // Together: waiting for each alone would cost a round trip to the GPU each time.
    const values = await Promise.all(entries.map(([, value]) => readBack(value)));
    const state = new Map<string, TensorData>(
      entries.map(([name, { shape }], i) => [name, { shape, dtype: 'float32', data: values[i]! }]),
    );
    return { state, groups: this.paramGroups.map(({ params, ...numbers }) => ({ ...numbers, params: params.length })) };
  }

  /** Takes up where {@link stateDict} left off. @throws ArgumentError if it is of another optimizer, or the groups or the parameters' shapes differ. */
  loadStateDict(saved: { state: ReadonlyMap<string, TensorData>; groups: readonly Record<string, unknown>[] }): void {
    const sizes = (groups: readonly number[]) => `[${groups.join(', ')}]`;
    const [had, has] = [saved.groups.map((g) => g.params as number), this.paramGroups.map((g) => g.params.length)];
    if (sizes(had) !== sizes(has))
      throw new ArgumentError(
        `optimizer: the saved state has parameter groups of ${sizes(had)}, this one of ${sizes(has)}.`,
      );
    const own = Object.keys(this.paramGroups[0]!);
    const foreign = Object.keys(saved.groups[0]!).filter((key) => key !== 'initialLr' && !own.includes(key));
    if (foreign.length)
      throw new ArgumentError(
        `${this.constructor.name}: expected its own saved state, got one with ${foreign.join(', ')}. Make the optimizer that was saved.`,
      );
    const entries = [...saved.state].map(([key, values]) => {
      const [g, k, name] = key.split('.') as [string, string, string];
      const param = this.paramGroups[+g]?.params[+k];
      const { shape } = values;
      if (!param || !name)
        throw new ArgumentError(`optimizer: the saved state has '${key}', which is of no parameter.`);
      const expected = name === 'step' ? [1] : param.shape;
      if (!sameShape(shape, expected))
        throw new ArgumentError(
          `optimizer: the saved ${name} of parameter ${k} in group ${g} is ${formatShape(shape)}, expected ${formatShape(expected)}.`,
        );
      return { param, name, values };
    });
    for (const [g, group] of this.paramGroups.entries()) {
      const { params: _, ...numbers } = saved.groups[g]!;
      Object.assign(group, numbers);
    }
    for (const p of this.#state.keys()) this.#forget(p);
    for (const { param, name, values } of entries) {
      const value = this.state(param, name, values.shape);
      value.data.host = Float32Array.from(toFloat32(values));
      value.data.touch();
    }
  }
}

/** Parameters or groups as a list. @throws ArgumentError for what is none: a model, one parameter alone. */
function listed<T>(op: string, params: Iterable<T>): T[] {
  if (typeof params === 'string' || typeof params?.[Symbol.iterator] !== 'function') throw noParameters(op, params);
  return [...params];
}

const isGroup = (part: unknown): boolean =>
  typeof part === 'object' && part !== null && 'params' in part && !(part instanceof Tensor);

const noParameters = (op: string, got: unknown): ArgumentError =>
  new ArgumentError(
    `${op}: expected parameters, or groups { params, lr }, got ${shown(got)}. Pass model.parameters().`,
  );

/** The error for parameters that training reaches and no optimizer has. */
export function forgotten(op: string, parameters: readonly { readonly label: string }[]): ArgumentError {
  const labels = parameters.slice(0, 4).map((p) => p.label);
  if (parameters.length > labels.length) labels.push(`${parameters.length - labels.length} more`);
  return new ArgumentError(
    `${op}: expected every trainable parameter in a group of an optimizer, got ${labels.join(', ')} in none. ` +
      'Make the optimizer after grafting, or set requires_grad = false on what is to stay as it is.',
  );
}

/** An optimizer of whatever hyperparameters. */
// biome-ignore lint/suspicious/noExplicitAny: they stand where they are read as well as where they are written
export type AnyOptimizer = Optimizer<any>;
