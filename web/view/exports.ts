/** The buttons of what a visitor can take away. */
import type { ExportKind } from '../messages.ts';
import { download } from './dom.ts';

export class ExportsView {
  readonly #buttons = [...document.querySelectorAll<HTMLButtonElement>('[data-export]')];
  readonly #make: (kind: ExportKind) => Promise<File>;
  readonly #report: (error: unknown) => void;
  #enabled = false;

  constructor(make: (kind: ExportKind) => Promise<File>, report: (error: unknown) => void) {
    this.#make = make;
    this.#report = report;
    for (const button of this.#buttons) button.addEventListener('click', () => void this.#save(button));
  }

  set enabled(flag: boolean) {
    this.#enabled = flag;
    for (const button of this.#buttons) button.disabled = !flag;
  }

  async #save(button: HTMLButtonElement): Promise<void> {
    // Disabled it would lose the focus; a second click meanwhile does nothing.
    if (button.ariaBusy === 'true') return;
    button.ariaBusy = 'true';
    try {
      download(await this.#make(button.dataset.export as ExportKind));
    } catch (error) {
      this.#report(error);
    } finally {
      button.ariaBusy = null;
      button.disabled = !this.#enabled;
    }
  }
}
