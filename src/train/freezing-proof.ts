/** The proof that freezing froze: digests over every frozen parameter and buffer, before and after. */
import { sha256 } from '../core/digest.ts';
import { frozenTensors } from '../nn/frozen-tensors.ts';
import type { AnyModule } from '../nn/module.ts';

/** Digests over the frozen parameters and buffers, before and after the run. */
export interface FreezingProof {
  readonly tensors: number;
  readonly bytes: number;
  readonly digestBefore: string;
  readonly digestAfter: string;
  /** 0, or something is wrong. */
  readonly changedBytes: number;
  /** All tensors that were frozen. */
  readonly names?: readonly string[];
  /** Those whose bytes differ; absent where none do. */
  readonly changed?: readonly string[];
}

/** The bytes of some tensors at one moment. */
export class FrozenSnapshot {
  readonly #digests: ReadonlyMap<string, string>;
  readonly #bytes: number;

  private constructor(digests: ReadonlyMap<string, string>, bytes: number) {
    this.#digests = digests;
    this.#bytes = bytes;
  }

  /** Reads the frozen tensors of a model back and digests them. */
  static async of(model: AnyModule): Promise<FrozenSnapshot> {
    const digests = new Map<string, string>();
    let bytes = 0;
    for (const [name, tensor] of frozenTensors(model)) {
      const values = await tensor.data();
      digests.set(name, await sha256(values));
      bytes += values.byteLength;
    }
    return new FrozenSnapshot(digests, bytes);
  }

  /** One digest for all of them. */
  digest(): Promise<string> {
    return sha256([...this.#digests].map(([name, digest]) => `${name} ${digest}\n`).join(''));
  }

  /** Compares a later moment with this one, over the tensors that were frozen at both. */
  async proof(model: AnyModule): Promise<FreezingProof> {
    const after = await FrozenSnapshot.of(model);
    const names = [...this.#digests.keys()].filter((name) => after.#digests.has(name));
    const only = (snapshot: FrozenSnapshot) =>
      new FrozenSnapshot(new Map(names.map((name) => [name, snapshot.#digests.get(name)!])), snapshot.#bytes);
    const changed = names.filter((name) => this.#digests.get(name) !== after.#digests.get(name));
    const tensors = new Map(frozenTensors(model));
    const bytesOf = (list: readonly string[]) => list.reduce((n, name) => n + 4 * tensors.get(name)!.size, 0);
    return {
      tensors: names.length,
      bytes: bytesOf(names),
      digestBefore: await only(this).digest(),
      digestAfter: await only(after).digest(),
      changedBytes: bytesOf(changed),
      names,
      ...(changed.length > 0 && { changed }),
    };
  }
}
