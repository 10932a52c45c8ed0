/** Loading a state dict: every fault is found before a byte is written, and all of them are reported at once. */
import { castTo, type HostArray, type StateDict, type TensorData, toFloat32, toInt32 } from '../core/dtype.ts';
import { StateDictError } from '../core/errors.ts';
import { checkOptions, checkStateDict, type OptionNames } from '../core/options.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import type { Buffer, Parameter } from './parameter.ts';

/** What a state dict and a module disagree about; names are those of the state dict. */
export interface StateDictFaults {
  /** Names that the module has and the state dict does not. */
  readonly missing: string[];
  /** Names that the state dict has and the module does not. */
  readonly unexpected: string[];
  /** Names that both have, with different shapes. */
  readonly wrongShapes: string[];
}

/** Options of {@link Module.loadStateDict}. */
export interface LoadOptions {
  /** Throw unless everything fits; true by default. */
  strict?: boolean;
  /** false: float32 arrays of the state dict become the module's own and must not be changed afterwards; true by default. */
  copy?: boolean;
  /** The sentence that ends the error; how to load the rest by default. */
  fix?: string;
}

const OPTIONS: OptionNames<LoadOptions> = { strict: true, copy: true, fix: true };

/** How many names a message lists of each kind; the error's fields hold all of them. */
const NAMES_SHOWN = 8;

/**
 * Writes `state` into `entries` (a module's own state-dict entries).
 * Half, bfloat16, float64 and integer values are converted. A missing `num_batches_tracked` is no fault, as in PyTorch:
 * files from before it existed, and most converted ones, have none.
 * @returns the faults, when not strict.
 * @throws ArgumentError for what is no state dict; StateDictError when strict and there is a fault; nothing has been written then.
 */
export function loadStateDict(
  type: string,
  entries: readonly (readonly [string, Parameter | Buffer])[],
  state: StateDict,
  options: LoadOptions,
): StateDictFaults {
  checkOptions('loadStateDict', options, OPTIONS);
  checkStateDict('loadStateDict', state, "Pass await readWeights(file), or another model's stateDict().");
  const known = new Set(entries.map(([name]) => name));
  const missing: string[] = [];
  const wrongShapes: string[] = [];
  const wrongShapeTexts: string[] = [];
  const writes: (() => void)[] = [];
  for (const [name, target] of entries) {
    const given = state.get(name);
    if (given === undefined) {
      if (name !== 'num_batches_tracked' && !name.endsWith('.num_batches_tracked')) missing.push(name);
    } else if (!sameShape(given.shape, target.shape)) {
      wrongShapes.push(name);
      wrongShapeTexts.push(`${name}: got ${formatShape(given.shape)}, expected ${formatShape(target.shape)}`);
    } else {
      writes.push(() => target.set(valuesFor(target, given), options.copy));
    }
  }
  const unexpected = [...state.keys()].filter((name) => !known.has(name));
  const faults = { missing, unexpected, wrongShapes };
  if ((options.strict ?? true) && missing.length + unexpected.length + wrongShapes.length > 0) {
    const parts = [
      counted(missing, missing.length === 1 ? 'missing key' : 'missing keys'),
      counted(unexpected, 'unexpected'),
      counted(wrongShapeTexts, wrongShapes.length === 1 ? 'wrong shape' : 'wrong shapes'),
    ];
    const { fix = 'Pass { strict: false } to load the rest.' } = options;
    throw new StateDictError(`${type}: ${parts.join(', ')}.`, faults, fix);
  }
  for (const write of writes) write();
  return faults;
}

function valuesFor(target: Parameter | Buffer, given: TensorData): HostArray {
  if (target.dtype === 'float16') return castTo(given, 'float16').data as Uint16Array;
  return target.dtype === 'int32' ? toInt32(given) : toFloat32(given);
}

function counted(names: readonly string[], what: string): string {
  if (names.length === 0) return `0 ${what}`;
  const shown = names.slice(0, NAMES_SHOWN).join(', ');
  const rest = names.length > NAMES_SHOWN ? `, and ${names.length - NAMES_SHOWN} more` : '';
  return `${names.length} ${what} (${shown}${rest})`;
}
