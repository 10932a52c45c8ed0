/** HTML by template literal: every interpolated string is escaped, only {@link Markup} goes in as it is. */

/** Text that is HTML already. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** What stands between tags: markup as it is, texts escaped, lists joined, nothing of what is not there. */
export type Content = Markup | string | number | null | undefined | false | readonly Content[];

/** `html\`<b>${name}</b>\``: strings and numbers escaped (for text and quoted attributes), lists joined, null, undefined and false left out. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  let text = strings[0]!;
  values.forEach((value, i) => {
    text += render(value) + strings[i + 1]!;
  });
  return new Markup(text);
}

/**
 * A string from outside (a class, a file) as inline text, isolated so that right-to-left marks in it cannot reorder
 * what stands around it, and breakable as {@link breakable} says.
 */
export function quoted(text: string): Markup {
  return html`<bdi>${breakable(text)}</bdi>`;
}

/** A path whose names keep their order whichever way each is written; it may break after its separators and underscores. */
export function pathText(path: string): Markup {
  return html`${path.split(/([/\\])/).map((part, i) => (i % 2 === 0 ? quoted(part) : [part, new Markup('<wbr>')]))}`;
}

/** A command as typed; the name of an option does not break at its hyphens. */
export function commandText(command: string): Markup {
  return html`${command.split(/(?<!\S)(--[a-z-]+)/).map((part, i) => (i % 2 === 0 ? part : html`<span>${part}</span>`))}`;
}

/** A name, which may break after its separators and underscores. */
function breakable(name: string): Markup {
  return html`${name.split(/(?<=[/\\_])/).map((part, i) => [i > 0 && new Markup('<wbr>'), part])}`;
}

/** The five characters that HTML gives a meaning to; control characters, which it forbids, become U+FFFD. */
export function escapeHtml(text: string): string {
  return (
    text
      .replace(/[&<>"']/g, (character) => ENTITIES[character]!)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, '\ufffd')
  );
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function render(value: Content): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Markup) return value.text;
  if (typeof value === 'object') return value.map(render).join('');
  return escapeHtml(String(value));
}
