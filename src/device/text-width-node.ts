/** How wide a text is on a terminal. */
import stringWidth from 'string-width';

/** The cells that one line of text takes: two for CJK and emoji, none for combining marks. */
export const textWidth = (text: string): number => stringWidth(text);
