/** Starting over, after asking. */
import { byId } from './dom.ts';

/** @returns the button that asks */
export function wireClear(clear: () => void): HTMLButtonElement {
  const button = byId<HTMLButtonElement>('clear');
  const dialog = byId<HTMLDialogElement>('clear-dialog');
  button.addEventListener('click', () => dialog.showModal());
  byId('clear-no').addEventListener('click', () => dialog.close());
  byId('clear-yes').addEventListener('click', () => {
    dialog.close();
    clear();
  });
  return button;
}
