/**
 * TorchScript archives (`torch.jit.save`): the attributes of modules in `data.pkl`, which of them are parameters and buffers in the
 * classes below `code/`, the tensors that the code itself holds in `constants.pkl`. Of the code, two lists a class are read.
 */
import type { ByteSource } from '../../device/byte-source.ts';
import { plural } from '../base/bytes.ts';
import { readZipEntry, type ZipEntry } from '../zip/zip.ts';
import { readPickle, type Unpickled } from './archive.ts';
import { MadeDict } from './left-out.ts';
import { type ModuleParts, StateDicts } from './modules.ts';
import { TensorRef } from './objects.ts';
import { StandIn } from './pickle-stand-in.ts';

/** What the code says of a class. Archives before PyTorch 1.6 do not list the buffers. */
interface ScriptClass {
  /** False for those of plain objects. */
  readonly isModule: boolean;
  readonly parameters: ReadonlySet<string>;
  readonly buffers: ReadonlySet<string> | undefined;
}

const KIND = 'a TorchScript archive';
const CLASS = /^class (\w+)(\(Module\))?.*\n((?: {2}__\w+__ = .*\n)*)/gm;

/**
 * The state dict of an archive's module; of a frozen one, which has none, the constants of its code.
 * @param root The archive's folder, with its slash.
 * @throws WeightFileError
 */
export async function readScript(
  source: ByteSource,
  directory: ReadonlyMap<string, ZipEntry>,
  root: string,
): Promise<Unpickled> {
  const { value, storages } = await readPickle(source, directory, `${root}data`);
  const classes = await readClasses(source, directory, `${root}code/`);
  const states = new StateDicts(source, KIND, (object) => partsOf(object, classes));
  const state = value instanceof StandIn ? states.of(value) : undefined;
  if (!state) return { value, storages };
  if ([...classes.values()].some(({ isModule, buffers }) => isModule && !buffers))
    state.notes.push('It does not say which tensors are buffers, as before PyTorch 1.6: all of its modules’ are read.');

  const constants = await readPickle(source, directory, `${root}constants`);
  const tensors = Array.isArray(constants.value) ? [...constants.value.entries()] : [];
  const named = tensors.filter(([, tensor]) => tensor instanceof TensorRef);
  if (named.length === 0) return { value: state, storages };
  if (state.size > 0) {
    state.notes.push(`Left out: ${plural(named.length, 'tensor')} that the code has as constants.`);
    return { value: state, storages };
  }
  const frozen = new MadeDict(named.map(([i, tensor]) => [`CONSTANTS.c${i}`, tensor]));
  frozen.notes.push(
    'It is a frozen TorchScript archive: its tensors have no names but those of constants in its code.',
  );
  return { value: frozen, storages: constants.storages };
}

/** The classes of the code by their names: `__torch__.torch.nn.modules.linear.Linear`. */
async function readClasses(
  source: ByteSource,
  directory: ReadonlyMap<string, ZipEntry>,
  folder: string,
): Promise<Map<string, ScriptClass>> {
  const classes = new Map<string, ScriptClass>();
  for (const entry of directory.values()) {
    if (!entry.name.startsWith(folder) || !entry.name.endsWith('.py')) continue;
    const path = entry.name.slice(folder.length, -'.py'.length).replaceAll('/', '.');
    const code = new TextDecoder().decode(await readZipEntry(source, entry));
    for (const [, name, module, lists] of code.matchAll(CLASS))
      classes.set(`${path}.${name}`, {
        isModule: module !== undefined,
        parameters: namesIn(lists!, 'parameters') ?? new Set(),
        buffers: namesIn(lists!, 'buffers'),
      });
  }
  return classes;
}

/** The names in `  __parameters__ = ["weight", "bias", ]`. */
function namesIn(lists: string, list: 'parameters' | 'buffers'): Set<string> | undefined {
  const line = lists.split('\n').find((text) => text.startsWith(`  __${list}__ = `));
  return line === undefined ? undefined : new Set([...line.matchAll(/"([^"]*)"/g)].map(([, name]) => name!));
}

function partsOf({ name, parts }: StandIn, classes: ReadonlyMap<string, ScriptClass>): ModuleParts | undefined {
  const own = classes.get(name);
  const attributes = parts.slice(1).findLast((part) => part instanceof Map);
  if (!own?.isModule || !(attributes instanceof Map)) return undefined;
  const isParameter = (key: unknown) => own.parameters.has(key as string);
  const isBuffer = (key: unknown) => !isParameter(key) && (own.buffers?.has(key as string) ?? true);
  // One whose class the code lacks is refused where it has tensors.
  const isModule = (value: unknown) =>
    value instanceof StandIn && value.name.startsWith('__torch__.') && classes.get(value.name)?.isModule !== false;
  const those = (of: (key: unknown, value: unknown) => boolean) =>
    new Map([...attributes].filter(([key, value]) => of(key, value)));
  return {
    parameters: those((key, value) => isParameter(key) && isTensorLike(value)),
    buffers: those((key, value) => isBuffer(key) && isTensorLike(value)),
    children: those((_, value) => isModule(value)),
    passing: new Set(),
    attributes: those((key) => !isParameter(key) && !isBuffer(key)),
  };
}

/** Tensors of kinds that are not read are for the state dict to refuse. */
function isTensorLike(value: unknown): boolean {
  return value instanceof TensorRef || (value instanceof StandIn && value.name.startsWith('torch.'));
}
