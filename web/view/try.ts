/** Trying the trained network: a photo, or the camera. */
import { showAnswer, showNoAnswer } from './answer.ts';
import { acceptDrops, byId, make, questions } from './dom.ts';

export class TryView {
  readonly #predict: (image: File | ImageBitmap) => Promise<number[]>;
  readonly #target = byId('target');
  readonly #choose = byId<HTMLButtonElement>('choose');
  readonly #live = byId<HTMLButtonElement>('live');
  readonly #look = byId<HTMLButtonElement>('look-try');
  readonly #fault = byId('try-fault');
  /** Answers about earlier photos are dropped. */
  readonly #ask = questions();
  #file: File | null = null;
  #classes: readonly string[] = [];
  #endCamera: (() => void) | null = null;

  /** @param look opens Grad-CAM over a file */
  constructor(predict: (image: File | ImageBitmap) => Promise<number[]>, look: (file: File) => void) {
    this.#predict = predict;
    this.#look.addEventListener('click', () => this.#file && look(this.#file));
    const picker = byId<HTMLInputElement>('try-file');
    this.#choose.addEventListener('click', () => picker.click());
    picker.addEventListener('change', () => {
      const [file] = picker.files ?? [];
      picker.value = '';
      if (file) void this.show(file);
    });
    acceptDrops(byId('try'), ([file]) => {
      if (file && !this.#choose.disabled) void this.show(file);
    });
    this.#live.addEventListener('click', () => void (this.#endCamera ? this.#empty() : this.#start()));
  }

  enable(classes: readonly string[]): void {
    this.#classes = classes;
    this.#choose.disabled = false;
    this.#live.disabled = false;
  }

  disable(): void {
    this.#empty();
    this.#choose.disabled = true;
    this.#live.disabled = true;
    this.#set(null);
    this.#fault.textContent = '';
  }

  /** Neither photo nor camera. */
  #empty(): void {
    this.#stop();
    showNoAnswer('Probabilities appear here.');
    this.#target.replaceChildren(
      make('p', { className: 'soft', textContent: 'Drop a photo here, one that is in no class.' }),
    );
  }

  /** Shows a photo and what the network takes it for. */
  async show(file: File): Promise<void> {
    if (this.#choose.disabled) return;
    this.#stop();
    this.#set(null);
    this.#fault.textContent = '';
    const image = make('img', { src: URL.createObjectURL(file), alt: file.name });
    image.addEventListener('load', () => URL.revokeObjectURL(image.src), { once: true });
    const isNewest = this.#ask();
    try {
      const probabilities = await this.#predict(file);
      if (!isNewest()) return;
      this.#target.replaceChildren(image);
      showAnswer(this.#classes, probabilities, true);
      this.#set(file);
    } catch (error) {
      if (!isNewest()) return;
      this.#empty();
      this.#fault.textContent = (error as Error).message;
    }
  }

  /** The photo that can be looked into. */
  #set(file: File | null): void {
    this.#file = file;
    this.#look.disabled = file === null;
  }

  async #start(): Promise<void> {
    this.#set(null);
    this.#fault.textContent = '';
    try {
      const { watchCamera } = await import('./camera.ts');
      this.#endCamera = await watchCamera(this.#target, this.#predict, (probabilities) =>
        showAnswer(this.#classes, probabilities, false),
      );
      this.#live.textContent = 'Stop the camera';
    } catch (error) {
      this.#fault.textContent = (error as Error).message;
    }
  }

  /** Ends the camera, and waits for no answer. */
  #stop(): void {
    this.#ask();
    this.#endCamera?.();
    this.#endCamera = null;
    this.#live.textContent = 'Camera';
  }
}
