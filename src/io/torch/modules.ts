/**
 * Modules of PyTorch among the stand-ins of a pickle (`torch.save(model)`): their parameters and buffers under the names that
 * `state_dict()` gives them. No class is looked up and nothing is run: a module is whatever has the three dictionaries of one.
 */
import { WeightFileError } from '../../core/errors.ts';
import { listed, printable, shown } from '../base/bytes.ts';
import { COST, MemoryBudget } from '../base/memory.ts';
import { MadeDict } from './left-out.ts';
import { TensorRef } from './objects.ts';
import { objectsIn, StandIn } from './pickle-stand-in.ts';

type Dict = Map<unknown, unknown>;

/** What one module has. */
export interface ModuleParts {
  readonly parameters: Dict;
  readonly buffers: Dict;
  readonly children: Dict;
  /** Names of buffers that are not part of a state dict. */
  readonly passing: ReadonlySet<unknown>;
  /** All that it has, tensors among them that are neither. */
  readonly attributes: Dict;
}

/** A state dict that is being made. */
interface Made {
  readonly state: MadeDict;
  /** Tensors that a state dict leaves out: buffers that are not persistent, plain attributes. */
  readonly leftOut: string[];
  /** Modules whose hooks Python would call. */
  readonly hooked: string[];
}

/** Modules in modules; more is a circle. */
const DEPTH_LIMIT = 100;
/** Dictionaries and objects around a module. */
const AROUND_LIMIT = 8;

/**
 * An unpickled object with each module in it replaced by its state dict, as far as dictionaries lead to it, or the attributes of an
 * object that is none (fastai's Learner). A list with state dicts becomes a dictionary by place. Anything else stays as it is.
 * @throws WeightFileError for modules that contain themselves, or tensors that are not read.
 */
export function withStateDicts(root: unknown, file: { name: string; size: number }): unknown {
  const states = new StateDicts(file, 'a whole pickled module', partsOfModule);
  if (!Array.isArray(root)) return states.replaceIn(root);
  const items = root.map((item) => states.replaceIn(item, 1));
  return items.some(isStateDict) ? new Map(items.map((item, i) => [String(i), item])) : root;
}

/** Whether a value is a dictionary with tensors in it. */
function isStateDict(value: unknown): boolean {
  if (!(value instanceof Map)) return false;
  for (const [key, entry] of value) if (typeof key === 'string' && entry instanceof TensorRef) return true;
  return false;
}

/** Makes the state dicts of one file's modules. */
export class StateDicts {
  readonly #file: string;
  readonly #kind: string;
  readonly #budget: MemoryBudget;
  readonly #partsOf: (object: StandIn) => ModuleParts | undefined;
  readonly #known = new Map<unknown, unknown>();

  /**
   * @param kind `a whole pickled module`, for notes.
   * @param partsOf The parts of an object that is a module; undefined for any other.
   */
  constructor(
    file: { name: string; size: number },
    kind: string,
    partsOf: (object: StandIn) => ModuleParts | undefined,
  ) {
    this.#file = file.name;
    this.#kind = kind;
    this.#budget = MemoryBudget.ofObjects(file);
    this.#partsOf = partsOf;
  }

  replaceIn(value: unknown, depth = 0): unknown {
    if (!(value instanceof Map || value instanceof StandIn) || depth > AROUND_LIMIT) return value;
    if (this.#known.has(value)) return this.#known.get(value);
    this.#known.set(value, value);
    const made = value instanceof StandIn ? this.#replaced(value, depth) : this.#inDictionary(value, depth);
    this.#known.set(value, made);
    return made;
  }

  #replaced(object: StandIn, depth: number): unknown {
    const state = this.of(object);
    if (state) return state;
    const attributes = object.parts.slice(1).findLast((part) => part instanceof Map);
    const inside = this.replaceIn(attributes, depth + 1);
    return inside === attributes ? object : inside;
  }

  #inDictionary(dict: Dict, depth: number): Dict {
    const entries = [...dict].map(([key, value]) => [key, this.replaceIn(value, depth + 1)] as const);
    return entries.some(([key, value]) => value !== dict.get(key)) ? new Map(entries) : dict;
  }

  /** The state dict of an object that is a module; undefined for any other. */
  of(object: StandIn): MadeDict | undefined {
    const parts = this.#partsOf(object);
    if (!parts) return undefined;
    const made: Made = { state: new MadeDict(), leftOut: [], hooked: [] };
    this.#collect(parts, '', made, 0);
    const { state, leftOut, hooked } = made;
    state.notes.push(
      `It is ${this.#kind} (${printable(object.name)}): its parameters and buffers are read, none of its code is run.`,
    );
    if (leftOut.length > 0) state.notes.push(`Left out, as its state dict does: ${listed(leftOut)}.`);
    if (hooked.length > 0)
      state.notes.push(`Not run: the hooks that change the state dict in Python of ${listed(hooked)}.`);
    return state;
  }

  /** Adds what a module has, in the order of PyTorch: its parameters, its buffers, its modules. */
  #collect(module: ModuleParts, path: string, made: Made, depth: number): void {
    if (depth > DEPTH_LIMIT)
      throw new WeightFileError(
        this.#file,
        `has modules in each other more than ${DEPTH_LIMIT} deep: one seems to contain itself.`,
      );
    const { parameters, buffers, children, passing, attributes } = module;
    for (const [name, value] of parameters) this.#add(this.#pathOf(path, name), value, made);
    for (const [name, value] of buffers) {
      if (!passing.has(name)) this.#add(this.#pathOf(path, name), value, made);
      else if (value !== null) made.leftOut.push(this.#pathOf(path, name));
    }
    for (const [name, value] of attributes) if (value instanceof TensorRef) made.leftOut.push(this.#pathOf(path, name));
    for (const hooks of ['_state_dict_hooks', '_state_dict_pre_hooks']) {
      const called = attributes.get(hooks);
      if (called instanceof Map && called.size > 0) made.hooked.push(path === '' ? 'the module itself' : path);
    }
    for (const [name, child] of children) {
      const childPath = this.#pathOf(path, name);
      const inside = child instanceof StandIn ? this.#partsOf(child) : undefined;
      if (inside) this.#collect(inside, childPath, made, depth + 1);
      else if (child instanceof StandIn) this.#refuseTensors(child);
    }
  }

  #add(name: string, value: unknown, { state }: Made): void {
    if (value === null) return;
    if (state.has(name)) throw new WeightFileError(this.#file, `has two tensors named '${printable(name)}'.`);
    state.set(name, value);
  }

  #pathOf(path: string, name: unknown): string {
    if (typeof name !== 'string')
      throw new WeightFileError(this.#file, `has a part of a module whose name is no text: ${shown(name)}.`);
    const whole = path === '' ? name : `${path}.${name}`;
    this.#budget.take(COST.container + COST.entry + COST.character * whole.length, 'the names of its modules');
    return whole;
  }

  /** Refuses an object that stands in a module's place, is none, and has weights. */
  #refuseTensors(object: StandIn): void {
    for (const inside of objectsIn(object))
      if (inside instanceof TensorRef) throw new WeightFileError(this.#file, object.refusal);
  }
}

/** Finds the three dictionaries in the state of an object, or among what the function that makes it anew is given (torch.fx). */
function partsOfModule({ parts }: StandIn): ModuleParts | undefined {
  for (const attributes of parts.flat()) {
    if (!(attributes instanceof Map)) continue;
    const [parameters, buffers, children] = ['_parameters', '_buffers', '_modules'].map((name) => attributes.get(name));
    if (!(parameters instanceof Map && buffers instanceof Map && children instanceof Map)) continue;
    const passing = attributes.get('_non_persistent_buffers_set');
    return { parameters, buffers, children, passing: passing instanceof Set ? passing : new Set(), attributes };
  }
  return undefined;
}
