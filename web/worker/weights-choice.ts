/** The weights that a visitor chose, read once: for the next run they are in memory. */
import { ArgumentError } from '../../src/core/errors.ts';
import type { TrainRequest } from '../messages.ts';
import type { LoadedWeights } from './weights.ts';

export class WeightsInMemory {
  readonly #tell: (text: string, share: number | null) => void;
  #file: { readonly file: File; readonly weights: LoadedWeights } | null = null;
  #published: LoadedWeights | null = null;

  /** @param tell hears what is being read or downloaded */
  constructor(tell: (text: string, share: number | null) => void) {
    this.#tell = tell;
  }

  /** @throws WeightFileError where it cannot be read or fits nothing. */
  async open(model: string, file: File): Promise<LoadedWeights> {
    const { fitting } = await import('./weights.ts');
    const weights = await fitting(model, file);
    this.#file = { file, weights };
    return weights;
  }

  clear(): void {
    this.#file = null;
  }

  /** null for random weights. @throws WeightFileError, ArgumentError */
  async of({ model, weights }: TrainRequest): Promise<LoadedWeights | null> {
    if (weights.kind === 'random') return null;
    return weights.kind === 'file' ? this.#opened(model, weights.file) : this.#downloaded(model);
  }

  async #opened(model: string, file: File): Promise<LoadedWeights> {
    let weights = this.#file?.file === file && this.#file.weights.model === model ? this.#file.weights : null;
    if (!weights) {
      this.#tell(`Reading ${file.name}`, null);
      weights = await this.open(model, file);
    }
    if (weights.model !== model)
      throw new ArgumentError(`${file.name}: these are the weights of ${weights.model}, not of ${model}.`);
    return weights;
  }

  async #downloaded(model: string): Promise<LoadedWeights> {
    if (this.#published?.model === model) return this.#published;
    this.#tell('Reading the weights', null);
    const { publishedWeights } = await import('./weights.ts');
    this.#published = await publishedWeights(model, (received, total) => {
      const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
      const text = `Downloading the weights, ${megabytes(received)}${total ? ` of ${megabytes(total)}` : ''} MB`;
      this.#tell(text, total ? received / total : null);
    });
    return this.#published;
  }
}
