/** The visitor's work in this origin's storage: photos, settings, the run that goes on, the network that came of it. */
import { RegraftError } from '../../src/core/errors.ts';

const NAME = 'regraft';
/** Milliseconds that a page which is being reloaded may take to let go. */
const PATIENCE = 3000;

export class SavedWork {
  readonly #database: IDBDatabase;

  private constructor(database: IDBDatabase) {
    this.#database = database;
  }

  /** @throws RegraftError where another tab has it, or the browser keeps nothing. */
  static async open(): Promise<SavedWork> {
    await held();
    const request = indexedDB.open(NAME, 1);
    request.addEventListener('upgradeneeded', () => {
      request.result.createObjectStore('photos');
      request.result.createObjectStore('work');
    });
    return new SavedWork(await answer(request));
  }

  async get<T>(key: string): Promise<T | undefined> {
    return answer(this.#store('work', 'readonly').get(key)) as Promise<T | undefined>;
  }

  /** @throws RegraftError where the storage is full. */
  async put(key: string, value: unknown): Promise<void> {
    await answer(this.#store('work', 'readwrite').put(value, key));
  }

  async remove(...keys: readonly string[]): Promise<void> {
    const store = this.#store('work', 'readwrite');
    await Promise.all(keys.map((key) => answer(store.delete(key))));
  }

  async photos(): Promise<Map<number, File>> {
    const store = this.#store('photos', 'readonly');
    const [ids, files] = await Promise.all([answer(store.getAllKeys()), answer(store.getAll())]);
    return new Map(ids.map((id, k) => [id as number, files[k] as File]));
  }

  /** @throws RegraftError where the storage is full. */
  async putPhoto(id: number, file: File): Promise<void> {
    await answer(this.#store('photos', 'readwrite').put(file, id));
  }

  async removePhotos(ids: readonly number[]): Promise<void> {
    const store = this.#store('photos', 'readwrite');
    await Promise.all(ids.map((id) => answer(store.delete(id))));
  }

  async clear(): Promise<void> {
    await answer(this.#store('photos', 'readwrite').clear());
    await answer(this.#store('work', 'readwrite').clear());
  }

  #store(name: 'photos' | 'work', mode: IDBTransactionMode): IDBObjectStore {
    return this.#database.transaction(name, mode).objectStore(name);
  }
}

/** One tab at a time: two would write over each other's photos. The lock goes with the Worker. */
function held(): Promise<void> {
  return new Promise((granted, refused) => {
    navigator.locks
      .request(NAME, { signal: AbortSignal.timeout(PATIENCE) }, () => {
        granted();
        return new Promise(() => {});
      })
      .catch(() => refused(new RegraftError('The page is open in another tab, which keeps its work.')));
  });
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => {
      const full = request.error?.name === 'QuotaExceededError';
      reject(
        new RegraftError(
          full ? "The browser's storage is full." : `The browser keeps nothing (${request.error?.name}).`,
        ),
      );
    });
  });
}
