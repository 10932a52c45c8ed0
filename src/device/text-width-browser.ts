/** How wide a text is where it is not printed on a terminal. */

/** Characters: tables that a browser's console shows are not worth Unicode's list of widths. */
export const textWidth = (text: string): number => text.length;
