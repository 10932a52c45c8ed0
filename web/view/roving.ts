/** One stop for the Tab key in a list of many items; the arrow keys go from item to item. */

/** Called once for a list of `li` with buttons. */
export function wireRoving(list: HTMLElement): void {
  list.addEventListener('focusin', ({ target }) => stopAt(list, (target as Element).closest('li')));
  list.addEventListener('keydown', (event) => {
    const button = (event.target as Element).closest('button');
    const item = button?.closest('li');
    const next = {
      ArrowRight: item?.nextElementSibling,
      ArrowDown: item?.nextElementSibling,
      ArrowLeft: item?.previousElementSibling,
      ArrowUp: item?.previousElementSibling,
      Home: list.firstElementChild,
      End: list.lastElementChild,
    }[event.key];
    if (!button || !next) return;
    event.preventDefault();
    next.querySelector<HTMLButtonElement>(`.${button.className}`)?.focus();
  });
}

/** After items came or went: the first is the stop where none is. */
export function keepStop(list: HTMLElement): void {
  if (!list.querySelector('li[data-stop]')) stopAt(list, list.firstElementChild);
}

function stopAt(list: HTMLElement, stop: Element | null): void {
  for (const item of list.children) {
    item.toggleAttribute('data-stop', item === stop);
    for (const button of item.querySelectorAll('button')) button.tabIndex = item === stop ? 0 : -1;
  }
}
