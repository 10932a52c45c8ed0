/** The dialog that shows which parts of a picture spoke for a class. */
import { formatPercent } from '../../src/core/format.ts';
import type { Explanation } from '../messages.ts';
import { byId, make, questions } from './dom.ts';

/** A file, or the id of a photo of the classes. */
type Source = File | number;

export class LookDialog {
  readonly #explain: (source: Source, target: number | null) => Promise<Explanation>;
  readonly #dialog = byId<HTMLDialogElement>('look');
  readonly #class = byId<HTMLSelectElement>('look-class');
  readonly #pictures = ['look-picture', 'look-heat'].map((id) => byId<HTMLImageElement>(id));
  readonly #status = byId('look-status');
  #classes: readonly string[] = [];
  #source: Source = -1;
  /** Answers to earlier questions are dropped. */
  readonly #ask = questions();

  constructor(explain: (source: Source, target: number | null) => Promise<Explanation>) {
    this.#explain = explain;
    byId('look-close').addEventListener('click', () => this.#dialog.close());
    this.#class.addEventListener('change', () => void this.#explained(Number(this.#class.value)));
    this.#dialog.addEventListener('close', () => void this.#ask());
  }

  /** @param name what the picture is called */
  open(source: Source, name: string, classes: readonly string[]): void {
    this.#source = source;
    this.#classes = classes;
    byId('look-name').textContent = name;
    this.#class.replaceChildren();
    this.#class.disabled = true;
    for (const picture of this.#pictures) picture.removeAttribute('src');
    this.#dialog.showModal();
    void this.#explained(null);
  }

  async #explained(target: number | null): Promise<void> {
    const isNewest = this.#ask();
    this.#status.textContent = 'Looking …';
    try {
      const answer = await this.#explain(this.#source, target);
      if (isNewest()) this.#show(answer);
    } catch (error) {
      if (isNewest()) this.#status.textContent = (error as Error).message;
    }
  }

  #show({ target, probabilities, picture, heat }: Explanation): void {
    const name = this.#classes[target]!;
    this.#class.replaceChildren(
      ...this.#classes.map((text, i) =>
        make('option', { value: String(i), textContent: `${text}, ${formatPercent(probabilities[i]!)}` }),
      ),
    );
    this.#class.value = String(target);
    this.#class.disabled = false;
    [picture, heat].forEach((blob, k) => {
      const image = this.#pictures[k]!;
      image.src = URL.createObjectURL(blob);
      image.addEventListener('load', () => URL.revokeObjectURL(image.src), { once: true });
    });
    this.#pictures[1]!.alt = `What spoke for ${name}`;
    this.#status.textContent = `Bright: what spoke for “${name}”. Dark: what did not count.`;
  }
}
