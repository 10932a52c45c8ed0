/** Text from outside (names of files and classes, messages of drivers) as it may go to a terminal. */

/** Control characters, which move cursors, set titles and clipboards; line and direction marks, which reorder what stands around them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** One line of `text`: unprintable characters as `\u001b`, spaces that do not break as plain ones. */
export function printable(text: string): string {
  return text.replaceAll('\u00a0', ' ').replace(UNPRINTABLE, escaped);
}

/** As {@link printable}, with line breaks as spaces: for messages, which are one line. */
export function oneLine(text: string): string {
  return printable(text.replace(/\s*[\r\n]+\s*/g, ' ').trim());
}

/** JSON is the same with these escaped; in JSON itself only those up to U+001F have to be. */
export function printableJson(json: string): string {
  return json.replace(UNPRINTABLE, (c) => (c === '\n' ? c : escaped(c)));
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
