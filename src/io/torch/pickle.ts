/**
 * A pickle virtual machine that calls nothing: it builds numbers, text and plain containers by itself, and everything else
 * only through a table of names that its caller allows; other names come as inert stand-ins. Protocols 2 to 5.
 * Format: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */
import { count, printable, shown } from '../base/bytes.ts';
import { COST, type MemoryBudget } from '../base/memory.ts';
import { LITERALS, type PicklePlace, PickleReader } from './pickle-reader.ts';
import { StandIn } from './pickle-stand-in.ts';

/** The reporting of entries of the table: the place in the file, and the memory that is left. */
export interface PickleContext {
  /** `at byte 1,204` */
  readonly at: string;
  /** @throws WeightFileError always. */
  fail(detail: string): never;
  /** Adds `bytes` beyond those of a call's result. @throws WeightFileError if the file may not take more. */
  take(bytes: number): void;
}

/** An allowed name. Without `call` it is an inert token (a dtype, a storage class). */
export class PickleGlobal {
  readonly name: string;
  /** The result of `name(...args)`: data only. */
  readonly call: ((args: readonly unknown[], context: PickleContext) => unknown) | undefined;
  constructor(name: string, call?: (args: readonly unknown[], context: PickleContext) => unknown) {
    this.name = name;
    this.call = call;
  }
}

/** An object that takes its state after its making (pickle's BUILD). */
export abstract class Stateful {
  abstract setState(state: unknown, context: PickleContext): void;
}

/** The rules that a pickle is read by. */
export interface PickleRules {
  /** The entry of the allow-list, or undefined for a name that is not on it. */
  find(name: string): PickleGlobal | undefined;
  /** True if a {@link StandIn} takes the place of a name that is not on the list; else the pickle is refused. */
  readonly standIns?: boolean;
  /** The object behind a persistent id. Absent: there may be none. */
  persistent?(id: unknown, context: PickleContext): unknown;
  /** A sentence added to the refusal of `name`, if there is advice to give. */
  advice?(name: string): string | undefined;
}

const ONLY = 'a weight file may only build tensors and plain containers.';

/**
 * Runs one pickle. Tuples and lists come as arrays, dictionaries as Maps, sets as Sets, bytes as views on `bytes`.
 *
 * @param bytes The pickle, and maybe more after it.
 * @param budget The memory for its objects. Each opcode takes some of it, so that it bounds the work too.
 * @returns The object, and the number of bytes that the pickle took.
 * @throws WeightFileError for anything but data; NeedsMoreBytes if `bytes` ends before the pickle and the file does not.
 */
export function unpickle(
  bytes: Uint8Array,
  rules: PickleRules,
  place: PicklePlace,
  budget: MemoryBudget,
): { readonly value: unknown; readonly end: number } {
  const machine = new Machine(bytes, rules, place, budget);
  const value = machine.run();
  return { value, end: machine.position };
}

class Machine extends PickleReader implements PickleContext {
  readonly #rules: PickleRules;
  readonly #memo = new Map<number, unknown>();
  readonly #stack: unknown[] = [];
  /** Heights of the stack where MARK stood. Nothing below the innermost may be popped singly. */
  readonly #marks: number[] = [];
  readonly #budget: MemoryBudget;

  constructor(bytes: Uint8Array, rules: PickleRules, place: PicklePlace, budget: MemoryBudget) {
    super(bytes, place);
    this.#rules = rules;
    this.#budget = budget;
  }

  take(bytes: number): void {
    this.#budget.take(bytes, 'its pickle', this);
  }

  run(): unknown {
    for (;;) {
      this.opcodeAt = this.position;
      this.take(COST.slot);
      const opcode = this.uint(1);
      if (opcode === 0x2e /* STOP */) return this.#pop();
      const literal = LITERALS[opcode];
      if (literal) this.#push(literal(this));
      else this.#step(opcode);
    }
  }

  /** Puts a new object on the stack. */
  #push(made: unknown): void {
    this.take(costOf(made));
    this.#stack.push(made);
  }

  #memoize(index: number): void {
    this.take(COST.entry);
    this.#memo.set(index, this.#top());
  }

  #step(opcode: number): void {
    const stack = this.#stack;
    switch (opcode) {
      case 0x80: /* PROTO */ {
        const protocol = this.uint(1);
        if (protocol > 5) this.fail(`pickle protocol ${protocol} ${this.at} is unknown: expected 2 to 5.`);
        return;
      }
      case 0x95 /* FRAME: only a hint for reading ahead */:
        this.bytes(8);
        return;
      case 0x28 /* MARK */:
        this.#marks.push(stack.length);
        return;
      case 0x30 /* POP */:
        if (stack.length === this.#marks.at(-1)) this.#marks.pop();
        else this.#pop();
        return;
      case 0x31 /* POP_MARK */:
        this.#popMark();
        return;
      case 0x32 /* DUP */:
        stack.push(this.#top());
        return;

      case 0x74 /* TUPLE */:
      case 0x6c /* LIST */:
        this.#push(this.#popMark());
        return;
      case 0x85 /* TUPLE1 */:
      case 0x86 /* TUPLE2 */:
      case 0x87 /* TUPLE3 */:
        this.#push(this.#popItems(opcode - 0x84));
        return;
      case 0x64 /* DICT */:
        {
          const items = this.#popMark();
          this.#push(new Map());
          this.#setItems(items);
          return;
        }
      case 0x91 /* FROZENSET */:
        this.#push(new Set(this.#popMark()));
        return;
      case 0x61 /* APPEND */:
        this.#append(this.#popItems(1));
        return;
      case 0x65 /* APPENDS */:
        this.#append(this.#popMark());
        return;
      case 0x73 /* SETITEM */:
        this.#setItems(this.#popItems(2));
        return;
      case 0x75 /* SETITEMS */:
        this.#setItems(this.#popMark());
        return;
      case 0x90 /* ADDITEMS */:
        this.#addItems(this.#popMark());
        return;

      case 0x71 /* BINPUT */:
        this.#memoize(this.uint(1));
        return;
      case 0x72 /* LONG_BINPUT */:
        this.#memoize(this.uint(4));
        return;
      case 0x94 /* MEMOIZE */:
        this.#memoize(this.#memo.size);
        return;
      case 0x68 /* BINGET */:
        stack.push(this.#recall(this.uint(1)));
        return;
      case 0x6a /* LONG_BINGET */:
        stack.push(this.#recall(this.uint(4)));
        return;

      case 0x63 /* GLOBAL */:
        stack.push(this.#find(this.line(), this.line()));
        return;
      case 0x93 /* STACK_GLOBAL */:
        {
          const [module, name] = this.#popItems(2);
          if (typeof module !== 'string' || typeof name !== 'string')
            this.fail(`the pickle names a class by something that is no text ${this.at}.`);
          stack.push(this.#find(module, name));
          return;
        }
      case 0x69 /* INST: a class by name, called at once */:
        this.#push(this.#call(this.#find(this.line(), this.line()), this.#popMark()));
        return;
      case 0x6f /* OBJ */:
        {
          const [callable, ...args] = this.#popMark();
          this.#push(this.#call(callable, args));
          return;
        }
      case 0x52 /* REDUCE */:
      case 0x81 /* NEWOBJ */:
        {
          const [callable, args] = this.#popItems(2);
          this.#push(this.#call(callable, args));
          return;
        }
      case 0x92 /* NEWOBJ_EX */:
        {
          const [callable, args, named] = this.#popItems(3);
          this.#push(this.#call(callable, callable instanceof StandIn ? [args, named] : args));
          return;
        }
      case 0x62 /* BUILD */:
        {
          const state = this.#pop();
          this.#build(this.#top(), state);
          return;
        }
      case 0x51 /* BINPERSID */:
        {
          const id = this.#pop();
          if (!this.#rules.persistent) this.fail(`the pickle refers to a storage ${this.at}, where none may be.`);
          this.#push(this.#rules.persistent(id, this));
          return;
        }
      default:
        this.fail(
          `pickle opcode 0x${opcode.toString(16).padStart(2, '0')} ${this.at} is none that weight files use: ` +
            'expected those of protocols 2 to 5.',
        );
    }
  }

  #find(module: string, name: string): PickleGlobal | StandIn {
    const whole = `${module}.${name}`;
    const known = this.#rules.find(whole);
    if (known) return known;
    const advice = this.#rules.advice?.(whole);
    const refusal = `refuses to unpickle '${printable(whole)}' ${this.at}: ${ONLY}${advice ? ` ${advice}` : ''}`;
    if (!this.#rules.standIns) this.fail(refusal);
    this.take(COST.container + COST.character * (whole.length + refusal.length));
    return new StandIn(whole, refusal);
  }

  #call(callable: unknown, args: unknown): unknown {
    if (callable instanceof StandIn) return callable.called(args);
    if (!(callable instanceof PickleGlobal) || !Array.isArray(args))
      this.fail(`the pickle calls something that is no class ${this.at}.`);
    if (!callable.call) this.fail(`the pickle calls '${callable.name}' ${this.at}, which is only a name here.`);
    return callable.call(args, this);
  }

  #build(target: unknown, state: unknown): void {
    if (this.#keep(target, state)) return;
    if (target instanceof Stateful) {
      target.setState(state, this);
      return;
    }
    // An OrderedDict's own attributes: PyTorch keeps `_metadata` (module versions) there. They are not needed.
    if (!(target instanceof Map) || !(state instanceof Map))
      this.fail(`refuses to set an object's state ${this.at}: ${ONLY}`);
    this.take(COST.slot * state.size);
    for (const name of state.keys()) {
      if (typeof name !== 'string' || name.startsWith('__'))
        this.fail(`refuses to set '${shown(name)}' ${this.at}: ${ONLY}`);
    }
  }

  #append(items: unknown[]): void {
    const list = this.#top();
    if (this.#keep(list, items)) return;
    if (!Array.isArray(list)) this.fail(`the pickle appends to something that is no list ${this.at}.`);
    for (const item of items) list.push(item);
  }

  #setItems(items: unknown[]): void {
    const dict = this.#top();
    if (this.#keep(dict, items)) return;
    if (!(dict instanceof Map)) this.fail(`the pickle sets items of something that is no dictionary ${this.at}.`);
    if (items.length % 2) this.fail(`the pickle has a key without a value ${this.at}.`);
    this.take((COST.entry * items.length) / 2);
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  }

  #addItems(items: unknown[]): void {
    const set = this.#top();
    if (this.#keep(set, items)) return;
    if (!(set instanceof Set)) this.fail(`the pickle adds to something that is no set ${this.at}.`);
    this.take(COST.entry * items.length);
    for (const item of items) set.add(item);
  }

  /** Keeps the items that a stand-in's object would have taken in. @returns false where `target` is none. */
  #keep(target: unknown, part: unknown): boolean {
    if (!(target instanceof StandIn)) return false;
    this.take(Array.isArray(part) ? COST.container + COST.slot * part.length : COST.slot);
    target.parts.push(part);
    return true;
  }

  #recall(index: number): unknown {
    if (!this.#memo.has(index))
      this.fail(`the pickle refers to entry ${count(index)} of its memo ${this.at}, which it never made.`);
    return this.#memo.get(index);
  }

  #top(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) this.#underflow();
    return this.#stack.at(-1);
  }

  #pop(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) this.#underflow();
    return this.#stack.pop();
  }

  #popItems(n: number): unknown[] {
    if (this.#stack.length - n < (this.#marks.at(-1) ?? 0)) this.#underflow();
    return this.#stack.splice(this.#stack.length - n, n);
  }

  #popMark(): unknown[] {
    const mark = this.#marks.pop();
    if (mark === undefined) this.#underflow();
    return this.#stack.splice(mark);
  }

  #underflow(): never {
    this.fail(`the pickle takes more from its stack than it put there ${this.at}. The file is damaged.`);
  }
}

/** Bytes of a value that is in no list, dictionary or memo yet. */
function costOf(value: unknown): number {
  if (typeof value === 'string') return COST.value + COST.character * value.length;
  if (typeof value !== 'object' || value === null) return COST.value;
  if (value instanceof Uint8Array) return COST.view;
  if (value instanceof StandIn) return COST.container;
  if (value instanceof Map || value instanceof Set) return COST.container + COST.entry * value.size;
  return COST.container + (Array.isArray(value) ? COST.slot * value.length : 0);
}
