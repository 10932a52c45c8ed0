/** A format's cases: each is made of its number and the run's seed alone, so that any of them can be made again. */
import fc from 'fast-check';
import { type Files, type FuzzFormat, publishedSeeds } from './formats.ts';
import { editIn } from './grammars.ts';
import { type Edit, edit, editBytes, unit } from './mutate.ts';
import { type KnownSeed, knownSeed } from './oracle.ts';

/** What is done to a seed. */
interface Plan {
  /**
   * `payload`: bytes of tensors only; `bytes`: any bytes of any file, with a preference for those that are no tensor's and not
   * zero; `inside`: bytes of a part that is then put back, checksums and all; `grammar`: as that, by what they mean.
   */
  readonly way: 'payload' | 'bytes' | 'inside' | 'grammar';
  /** 0: any place; 1: no tensor's; 2: no tensor's and not zero. */
  readonly ground: 0 | 1 | 2;
  /** Fractions that choose the seed, the file, the part, the donor. */
  readonly which: readonly [number, number, number, number];
  readonly edits: readonly Edit[];
}

const plan: fc.Arbitrary<Plan> = fc.record({
  way: fc.constantFrom('payload', 'bytes', 'bytes', 'bytes', 'inside', 'inside', 'grammar', 'grammar'),
  ground: fc.constantFrom(0, 1, 2, 2),
  which: fc.tuple(unit, unit, unit, unit),
  edits: fc.oneof(
    { weight: 3, arbitrary: fc.tuple(edit) },
    { weight: 2, arbitrary: fc.array(edit, { minLength: 2, maxLength: 4 }) },
  ),
});

/** Of the cases, how many damage published files where those are asked for. */
const PUBLISHED_SHARE = 1 / 2;

export interface Case {
  readonly seed: KnownSeed;
  readonly files: Files;
  readonly kind: 'damaged' | 'resealed' | 'payload';
}

/** A format with its seeds read. */
export class CaseMaker {
  readonly format: FuzzFormat;
  readonly small: readonly KnownSeed[];
  readonly large: readonly KnownSeed[];
  readonly #grounds = new Map<string, Uint32Array>();

  private constructor(format: FuzzFormat, small: readonly KnownSeed[], large: readonly KnownSeed[]) {
    this.format = format;
    this.small = small;
    this.large = large;
  }

  static async of(format: FuzzFormat, published: boolean): Promise<CaseMaker> {
    const small = await Promise.all((await format.seeds()).map(knownSeed));
    const large = published ? await Promise.all((await publishedSeeds(format)).map(knownSeed)) : [];
    return new CaseMaker(format, small, large);
  }

  /** Case `index` of the run with this seed. */
  make(runSeed: number, index: number): Case {
    const [{ way, ground, which, edits }] = fc.sample(plan, { seed: mixed(runSeed, index), numRuns: 1 }) as [Plan];
    const [whichSeed, whichFile, whichPart, whichDonor] = which;
    const large = this.large.length > 0 && whichFile < PUBLISHED_SHARE;
    const seed = chosen(large ? this.large : this.small, whichSeed);
    const donor = chosen([...chosen(this.small, whichDonor).files.values()], whichFile);
    let files: Files = seed.files;
    if (way === 'payload' && seed.places.size > 0) {
      const place = chosen([...seed.places.values()], whichPart);
      const places = [place.begin + Math.floor(whichDonor * (place.end - place.begin))];
      const one: Edit = { ...edits[0]!, kind: edits[0]!.byte & 1 ? 'flip' : 'set' };
      files = new Map([...files, [place.file, editBytes(files.get(place.file)!, one, { places, donor })]]);
      return { seed, files, kind: 'payload' };
    }
    if (way === 'bytes' || way === 'payload') {
      const [file, original] = chosen([...files], whichFile < 0.6 ? 0 : whichPart);
      const places = ground === 0 ? undefined : this.#ground(seed, file, ground);
      let bytes: Uint8Array = original;
      for (const one of edits) bytes = editBytes(bytes, one, places ? { places, donor } : { donor });
      return { seed, files: new Map([...files, [file, bytes]]), kind: 'damaged' };
    }
    const part = chosen(this.format.parts(files), whichPart);
    let { bytes } = part;
    for (const one of edits) bytes = editIn(way === 'grammar' ? part.grammar : 'bytes', bytes, one, { donor });
    return { seed, files: part.replace(bytes), kind: 'resealed' };
  }

  /** Where in a file edits may go, by {@link Plan.ground}. */
  #ground(seed: KnownSeed, file: string, ground: 1 | 2): Uint32Array {
    const key = `${seed.name}\n${file}\n${ground}`;
    const known = this.#grounds.get(key);
    if (known) return known;
    const bytes = seed.files.get(file)!;
    const ofTensor = new Uint8Array(bytes.length);
    for (const place of seed.places.values()) if (place.file === file) ofTensor.fill(1, place.begin, place.end);
    const found: number[] = [];
    for (let p = 0; p < bytes.length; p++) if (!ofTensor[p] && (ground === 1 || bytes[p] !== 0)) found.push(p);
    const places = Uint32Array.from(found);
    this.#grounds.set(key, places);
    return places;
  }
}

function chosen<T>(list: readonly T[], fraction: number): T {
  return list[Math.floor(fraction * list.length)]!;
}

/** One 32-bit number of two (Murmur's finaliser). */
function mixed(a: number, b: number): number {
  let n = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ b;
  n = Math.imul(n ^ (n >>> 16), 0x85ebca6b);
  n = Math.imul(n ^ (n >>> 13), 0xc2b2ae35);
  return (n ^ (n >>> 16)) | 0;
}
