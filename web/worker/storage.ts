/** What of a visit is kept, under which key. Failing to keep something is told, and stops nothing. */
import type { StateDict } from '../../src/core/dtype.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { safetensorsChunks } from '../../src/io/safetensors.ts';
import type { Outcome, PageState, Restored, TrainRequest } from '../messages.ts';
import type { WeightsOrigin } from './plan.ts';
import { SavedWork } from './saved-work.ts';

/** A finished run. */
interface FinishedRun {
  readonly request: TrainRequest;
  readonly weights: WeightsOrigin | null;
  readonly outcome: Outcome;
}

/** How far an interrupted run was. */
interface RunState {
  /** null before the end of the first epoch. */
  readonly checkpoint: Blob | null;
  readonly paused: boolean;
}

export class Storage {
  readonly #onFailure: (reason: string) => void;
  #work: SavedWork | null = null;

  /** @param onFailure hears what could not be kept */
  constructor(onFailure: (reason: string) => void) {
    this.#onFailure = onFailure;
  }

  /** Opens the storage, where it can be had, and reads what an earlier visit left. */
  async restore(): Promise<Omit<Restored, 'networks'>> {
    try {
      this.#work = await SavedWork.open();
      const [page, file, run, done, comparison, paused] = await Promise.all(
        ['page', 'weights-file', 'run', 'done', 'comparison', 'paused'].map((key) => this.#work!.get(key)),
      );
      return {
        unsaved: null,
        page: (page as PageState | undefined) ?? null,
        photos: await this.#photos(this.#work, page as PageState | undefined),
        weightsFile: (file as File | undefined) ?? null,
        run: run ? 'interrupted' : comparison ? 'comparing' : done ? 'done' : 'none',
        paused: paused === true,
      };
    } catch (error) {
      this.#work = null;
      const unsaved = (error as Error).message;
      return { unsaved, page: null, photos: new Map(), weightsFile: null, run: 'none', paused: false };
    }
  }

  /** The photos of the page's classes; those that it never came to list are removed. */
  async #photos(work: SavedWork, page: PageState | undefined): Promise<Map<number, File>> {
    const listed = new Set(page?.classes.flatMap(({ photos }) => photos));
    const photos = await work.photos();
    const lost = [...photos.keys()].filter((id) => !listed.has(id));
    await work.removePhotos(lost);
    for (const id of lost) photos.delete(id);
    return photos;
  }

  putPage(state: PageState): Promise<void> {
    return this.#keep((work) => work.put('page', state));
  }

  putPhoto(id: number, file: File): Promise<void> {
    return this.#keep((work) => work.putPhoto(id, file));
  }

  removePhotos(ids: readonly number[]): Promise<void> {
    return this.#keep((work) => work.removePhotos(ids));
  }

  putWeightsFile(file: File): Promise<void> {
    return this.#keep((work) => work.put('weights-file', file));
  }

  clear(): Promise<void> {
    return this.#keep((work) => work.clear());
  }

  /** A run takes the place of the one before. */
  beginRun(request: TrainRequest): Promise<void> {
    return this.#keep(async (work) => {
      await work.remove('checkpoint', 'done', 'state', 'comparison', 'paused');
      await work.put('run', request);
    });
  }

  /** Whether the run, or the comparison, is held. */
  putPaused(paused: boolean): Promise<void> {
    return this.#keep((work) => work.put('paused', paused));
  }

  putCheckpoint(chunks: () => Promise<Iterable<Uint8Array>>): Promise<void> {
    return this.#keep(async (work) => work.put('checkpoint', blobOf(await chunks())));
  }

  /** @param finished null: the run failed, and leaves nothing */
  endRun(finished: (() => Promise<FinishedRun & { readonly state: StateDict }>) | null): Promise<void> {
    return this.#keep(async (work) => {
      if (finished) {
        const { state, ...done } = await finished();
        await work.put('state', blobOf(safetensorsChunks(state)));
        await work.put('done', done);
      }
      await work.remove('run', 'checkpoint', 'paused');
    });
  }

  /** A comparison begins, or the interrupted one goes on. */
  async beginComparison(): Promise<RunState> {
    const interrupted = await this.#work?.get('comparison');
    if (interrupted) return this.#runState();
    await this.#keep(async (work) => {
      await work.remove('checkpoint', 'paused');
      await work.put('comparison', true);
    });
    return { checkpoint: null, paused: false };
  }

  /** @param outcome null: the comparison failed, and leaves nothing */
  endComparison(outcome: Outcome | null): Promise<void> {
    return this.#keep(async (work) => {
      const done = await work.get<FinishedRun>('done');
      if (outcome && done) await work.put('done', { ...done, outcome });
      await work.remove('comparison', 'checkpoint', 'paused');
    });
  }

  /** @throws ArgumentError where there is none. */
  async interruptedRun(): Promise<{ readonly request: TrainRequest } & RunState> {
    const request = await this.#work?.get<TrainRequest>('run');
    if (!request) throw new ArgumentError('training: there is no interrupted run. Press Train to begin one.');
    return { request, ...(await this.#runState()) };
  }

  async #runState(): Promise<RunState> {
    const [checkpoint, paused] = await Promise.all(['checkpoint', 'paused'].map((key) => this.#work!.get(key)));
    return { checkpoint: (checkpoint as Blob | undefined) ?? null, paused: paused === true };
  }

  /** @throws ArgumentError where there is none. */
  async finishedRun(): Promise<FinishedRun & { readonly state: Blob }> {
    const done = await this.#work?.get<FinishedRun>('done');
    const state = await this.#work?.get<Blob>('state');
    if (!done || !state) throw new ArgumentError('there is no trained network in storage. Train one first.');
    return { ...done, state };
  }

  async #keep(put: (work: SavedWork) => Promise<void>): Promise<void> {
    if (!this.#work) return;
    try {
      await put(this.#work);
    } catch (error) {
      this.#onFailure((error as Error).message);
    }
  }
}

function blobOf(chunks: Iterable<Uint8Array>): Blob {
  return new Blob([...chunks] as BlobPart[]);
}
