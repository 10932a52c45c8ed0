/** Modules made of modules in order. Elements are fields '0', '1', …, and so are their state-dict names. */
import { ArgumentError } from '../core/errors.ts';
import { shown } from '../core/options.ts';
import { checkpoint } from '../tensor/checkpoint.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Module } from './module.ts';
import { printList } from './print.ts';

function checkModule(op: string, module: Module): Module {
  if (module instanceof Module) return module;
  const fix =
    typeof module === 'function'
      ? 'Put it into the forward of a Module'
      : `Write new ${op}(${op === 'Sequential' ? '...layers' : 'layers'})`;
  throw new ArgumentError(`${op}: expected a module, got ${shown(module)}. ${fix}.`);
}

/** A Sequential's modules by name. */
function checkNamed(named: Readonly<Record<string, Module>>): Readonly<Record<string, Module>> {
  const isRecord = typeof named === 'object' && named !== null && !Array.isArray(named);
  if (!isRecord) checkModule('Sequential', named as never);
  for (const module of Object.values(named)) checkModule('Sequential', module);
  return named;
}

abstract class ModuleSequence extends Module {
  [index: number]: Module;

  constructor(modules: readonly Module[]) {
    super();
    for (const module of modules) this.append(module);
  }

  get length(): number {
    return this.namedChildrenInOrder().length;
  }

  /** The element at `index`; negative ones count from the end. */
  at(index: number): Module | undefined {
    return this.namedChildrenInOrder().at(index)?.[1];
  }

  /** Adds `module` behind the last one. */
  append(module: Module): this {
    this[this.length] = checkModule(this.typeName, module);
    return this;
  }

  /** The modules in order. */
  *[Symbol.iterator](): IterableIterator<Module> {
    for (const [, module] of this.namedChildrenInOrder()) yield module;
  }

  /** Elements in order; unlike `namedChildren`, a module that occurs twice is listed twice. */
  protected namedChildrenInOrder(): [string, Module][] {
    return Object.entries(this).filter((entry): entry is [string, Module] => entry[1] instanceof Module);
  }
}

/**
 * Runs its modules one after the other.
 * @example
 * const head = new Sequential(new Dropout(0.2), new Linear(512, 10));
 * head[1] = new Linear(512, 5);
 */
export class Sequential extends ModuleSequence {
  /**
   * Keeps no activations inside its modules for backward, which computes them again: less memory, a forward pass more.
   * @example
   * for (const stage of [model.layer1, model.layer2]) stage.checkpointing = true;
   */
  checkpointing = false;

  /** @param modules the modules in order, or one record of named modules. */
  constructor(...modules: Module[] | [Readonly<Record<string, Module>>]) {
    const [first] = modules;
    const named = modules.length === 1 && !(first instanceof Module) ? first : undefined;
    super(named ? [] : (modules as Module[]));
    if (named) Object.assign(this, checkNamed(named));
  }

  override forward(x: Tensor): Tensor {
    let y = x;
    for (const module of this) y = this.checkpointing ? checkpoint((x) => module.forward(x), y) : module.forward(y);
    return y;
  }

  /** Elements `start` to `end` (not included) as a new Sequential of the same modules. */
  slice(start?: number, end?: number): Sequential {
    return new Sequential(...[...this].slice(start, end));
  }
}

/** A list of modules; how they are run is up to the module that owns it. */
export class ModuleList extends ModuleSequence {
  constructor(modules: Iterable<Module> = []) {
    if (typeof modules?.[Symbol.iterator] !== 'function')
      throw new ArgumentError(
        `ModuleList: expected an array of modules, got ${shown(modules)}. Write new ModuleList([…]).`,
      );
    super([...modules]);
  }

  override forward(): never {
    throw new ArgumentError('ModuleList: has no forward of its own. Call forward on its elements, or use Sequential.');
  }

  override toString(): string {
    return printList(this);
  }
}
