/**
 * The base of layers and models. A module's own fields are its parameters, buffers and submodules, under the names that a
 * PyTorch checkpoint uses; they are looked up anew each time, so `model.fc = new Linear(2048, 10)` is all that grafting takes.
 */
import { checkDType, type StateDict, type TensorData } from '../core/dtype.ts';
import { ArgumentError } from '../core/errors.ts';
import { checkOptions } from '../core/options.ts';
import { wantFloat16 } from '../device/current.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { callForward } from './forward.ts';
import { closeNames, matchParameters } from './freezing.ts';
import { Buffer, Parameter } from './parameter.ts';
import { printModule } from './print.ts';
import { requireRegistered } from './registered.ts';
import { type LoadOptions, loadStateDict, type StateDictFaults } from './state-dict.ts';
import { type SummaryOptions, summarize } from './summary.ts';
import type { ForwardHook } from './tree.ts';

/** A module of any inputs and outputs. */
// biome-ignore lint/suspicious/noExplicitAny: what goes in and comes out is the module's affair
export type AnyModule = Module<any, any>;

/**
 * A layer or a model. Subclasses declare fields and a `forward`. Networks of several inputs or outputs take and return records, which
 * their type tells: `Module<[{ ids: Tensor; mask: Tensor }], { logits: Tensor }>`.
 * @example
 * class TwoLayers extends Module {
 *   fc1 = new Linear(784, 128);
 *   fc2 = new Linear(128, 10);
 *   forward(x: Tensor): Tensor {
 *     return this.fc2.forward(this.fc1.forward(x).relu());
 *   }
 * }
 */
export abstract class Module<Inputs extends unknown[] = Tensor[], Outputs = Tensor> {
  /** Whether dropout drops and batch norms use batch statistics; see {@link train}. */
  training = true;
  #hooks: Set<ForwardHook<Inputs, Outputs>> | undefined;

  constructor() {
    const run = this.forward;
    Object.defineProperty(this, 'forward', {
      value: (...inputs: Inputs) => callForward(this, run, this.#hooks, inputs),
      configurable: true,
      writable: true,
      enumerable: false,
    });
  }

  /**
   * Computes the output, a tensor or a record of tensors, from a tensor, several, or a record of them. Shape errors from inside carry the
   * path of the layer they come from.
   */
  abstract forward(...inputs: Inputs): Outputs;

  /** The class name that {@link toString} shows. */
  get typeName(): string {
    return this.constructor.name;
  }

  /** The options between the parentheses of {@link toString}, in PyTorch's spelling. */
  extraRepr(): string {
    return '';
  }

  /** Submodules held in fields, in the fields' order; each once. */
  namedChildren(): [string, AnyModule][] {
    const seen = new Set<AnyModule>();
    return this.#fields(Module as abstract new () => AnyModule).filter(([, m]) => !seen.has(m) && seen.add(m));
  }

  /** {@link namedChildren} without the names. */
  children(): AnyModule[] {
    return this.namedChildren().map(([, child]) => child);
  }

  /**
   * This module (name '') and all below it, parents first, each once.
   * @throws ArgumentError for modules in an array or a plain object, which are in no field.
   */
  namedModules(): [string, AnyModule][] {
    const seen = new Set<AnyModule>();
    const out: [string, AnyModule][] = [];
    const visit = (name: string, module: AnyModule) => {
      if (seen.has(module)) return;
      seen.add(module);
      out.push([name, module]);
      for (const [field, child] of module.namedChildren()) visit(joined(name, field), child);
    };
    visit('', this);
    const parameters = new Set<unknown>(out.flatMap(([, module]) => module.ownParameters().map(([, p]) => p)));
    const isLost = (part: unknown) =>
      part instanceof Module && !seen.has(part)
        ? 'module'
        : part instanceof Parameter && !parameters.has(part)
          ? 'parameter'
          : undefined;
    for (const module of seen) requireRegistered(module, isLost);
    return out;
  }

  /** {@link namedModules} without the names. */
  modules(): AnyModule[] {
    return this.namedModules().map(([, module]) => module);
  }

  /** All parameters, frozen ones too, under their state-dict names; a shared one once. */
  namedParameters(): [string, Parameter][] {
    return this.#named(Parameter);
  }

  /** {@link namedParameters} without the names. */
  parameters(): Parameter[] {
    return this.#named(Parameter).map(([, parameter]) => parameter);
  }

  /** All buffers (running statistics) under their state-dict names; a shared one once. */
  namedBuffers(): [string, Buffer][] {
    return this.#named(Buffer);
  }

  /** {@link namedBuffers} without the names. */
  buffers(): Buffer[] {
    return this.#named(Buffer).map(([, buffer]) => buffer);
  }

  /**
   * The module at a dotted path.
   * @throws ArgumentError if there is none, with the names that come close.
   */
  getSubmodule(path: string): AnyModule {
    let module: AnyModule | undefined = this;
    if (path !== '')
      for (const field of path.split('.')) module = module?.namedChildren().find(([name]) => name === field)?.[1];
    if (!module) throw new ArgumentError(`getSubmodule: ${this.typeName} has no '${path}'. ${closeNames(this, path)}`);
    return module;
  }

  /** Parameters and buffers by name, in PyTorch's order, read back from the GPU. Counters are int64, the rest as they are kept. */
  async stateDict(): Promise<StateDict> {
    const entries = this.#stateEntries();
    const values = await Promise.all(entries.map(([, t]) => t.toTensorData()));
    return new Map<string, TensorData>(entries.map(([name], i) => [name, values[i]!]));
  }

  /**
   * Writes a state dict into this module. Half, bfloat16 and float64 values are converted to what the module keeps.
   * Nothing is written if strict loading fails.
   * @returns what did not fit, with `{ strict: false }`.
   * @throws StateDictError with every fault at once, unless `{ strict: false }`.
   */
  loadStateDict(state: StateDict, options: LoadOptions = {}): StateDictFaults {
    return loadStateDict(this.typeName, this.#stateEntries(), state, options);
  }

  /** Training mode: dropout drops, batch norms that are not frozen use batch statistics and update the running ones. */
  train(mode = true): this {
    for (const module of this.modules()) module.training = mode;
    return this;
  }

  /** Evaluation mode: no dropout, batch norms use their running statistics. */
  eval(): this {
    return this.train(false);
  }

  /** Makes every parameter trainable or frozen. */
  requiresGrad_(flag = true): this {
    for (const parameter of this.parameters()) parameter.requires_grad = flag;
    return this;
  }

  /**
   * Freezes what the patterns name; everything without one. A pattern names parameters (`'*.bias'`) or modules with all
   * that is in them (`'layer4'`, `'layer4.*'`, `'*.bn*'`); `*` stands for any characters, dots included.
   * A batch norm whose weight and bias are frozen keeps its running statistics, in training mode too.
   * @throws ArgumentError for a pattern that matches nothing.
   */
  freeze(...globs: string[]): this {
    return this.#setFrozen('freeze', globs, true);
  }

  /** Makes trainable what the patterns name; everything without one. Patterns as in {@link freeze}. */
  unfreeze(...globs: string[]): this {
    return this.#setFrozen('unfreeze', globs, false);
  }

  /**
   * Freezes everything before the named submodule, in the fields' order, and makes it and everything after it trainable.
   * @param path a dotted path: `'layer4'`, `'features.10'`.
   */
  freezeUntil(path: string): this {
    if (!this.namedModules().some(([name]) => name === path && name !== ''))
      throw new ArgumentError(`freezeUntil: ${this.typeName} has no '${path}'. ${closeNames(this, path)}`);
    const frozen = new Map<Parameter, boolean>();
    let reached = false;
    for (const [name, module] of this.namedModules()) {
      reached ||= name === path;
      for (const [, parameter] of module.ownParameters()) if (!frozen.get(parameter)) frozen.set(parameter, !reached);
    }
    for (const [parameter, isFrozen] of frozen) parameter.requires_grad = !isFrozen;
    return this;
  }

  /**
   * Converts all float parameters and buffers, but for those of batch norms, which stay float32. In float16 a model takes half the memory
   * and its input must be float16 too; it is for inference: to train, keep float32 and compute in `autocast`.
   * @throws DeviceError for float16 on an adapter without it.
   */
  to(dtype: 'float32' | 'float16'): this {
    checkDType('to', dtype, ['float32', 'float16']);
    if (dtype === 'float16') wantFloat16('to');
    for (const module of this.modules())
      for (const [, t] of [...module.#fields(Parameter), ...module.#fields(Buffer)])
        if (t.dtype !== 'int32' && !module.keepsFloat32) t.convert(dtype);
    return this;
  }
  /** {@link to} float16. */
  half(): this {
    return this.to('float16');
  }
  /** {@link to} float32. */
  float(): this {
    return this.to('float32');
  }

  /** Whether {@link to} leaves this module's own tensors alone. */
  protected get keepsFloat32(): boolean {
    return false;
  }

  /** Drops all gradients. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = null;
  }

  /**
   * Calls `hook` with each output of this module (and its inputs): the way to read an intermediate activation.
   * @returns a function that removes the hook.
   */
  onForward(hook: ForwardHook<Inputs, Outputs>): () => void {
    const hooks = (this.#hooks ??= new Set());
    hooks.add(hook);
    return () => hooks.delete(hook);
  }

  /** What PyTorch prints for this module, character for character. */
  toString(): string {
    return printModule(this);
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /**
   * A table of the layers: type, output shape (for `inputShape` or `inputs`, without computing anything), parameters, frozen or not.
   * @throws ArgumentError for inputs without sizes, or for both `inputShape` and `inputs`.
   */
  summary(options: SummaryOptions = {}): string {
    checkOptions('summary', options, { inputShape: true, inputs: true, depth: true });
    return summarize(this, options);
  }

  /** Parameters held in this module's own fields. */
  ownParameters(): [string, Parameter][] {
    return this.#fields(Parameter);
  }

  #fields<T>(type: abstract new (...args: never[]) => T): [string, T][] {
    return Object.entries(this).filter((entry): entry is [string, T] => entry[1] instanceof type);
  }

  #named<T extends Parameter | Buffer>(type: abstract new (...args: never[]) => T): [string, T][] {
    const seen = new Set<T>();
    return this.namedModules().flatMap(([path, module]) =>
      module
        .#fields(type)
        .filter(([, t]) => !seen.has(t) && seen.add(t))
        .map(([field, t]): [string, T] => [joined(path, field), t]),
    );
  }

  /** As PyTorch's `state_dict`: parameters, then buffers, then children; a shared tensor under each of its names. */
  #stateEntries(path = '', ancestors: readonly AnyModule[] = []): [string, Parameter | Buffer][] {
    const own = [...this.#fields<Parameter | Buffer>(Parameter), ...this.#fields<Parameter | Buffer>(Buffer)];
    const inside = [...ancestors, this];
    return [
      ...own.map(([field, t]): [string, Parameter | Buffer] => [joined(path, field), t]),
      ...this.#fields(Module as abstract new () => AnyModule)
        .filter(([, child]) => !inside.includes(child))
        .flatMap(([field, child]) => child.#stateEntries(joined(path, field), inside)),
    ];
  }

  #setFrozen(op: string, globs: readonly string[], frozen: boolean): this {
    const chosen = globs.length === 0 ? this.parameters() : matchParameters(op, this, globs);
    for (const parameter of chosen) parameter.requires_grad = !frozen;
    return this;
  }
}

function joined(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`;
}
