/** The report's page around its sections: the document and its head. Nothing is loaded from anywhere. */
import { type Content, html, Markup } from './markup.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

/**
 * One self-contained document. Its content security policy allows no request, and only the one script of this file
 * (by a nonce), so that not even a mistake in escaping could run something.
 */
export function page(title: string, body: Content): string {
  const { head, tail } = pageAround(title);
  return `${head}${html`${body}`.text}${tail}`;
}

/** What stands before and after the body of {@link page}, for bodies that are written piece by piece; with more style, or another script. */
export function pageAround(
  title: string,
  { style = '', script = SCRIPT }: { readonly style?: string; readonly script?: string } = {},
): { readonly head: string; readonly tail: string } {
  const nonce = globalThis.crypto.randomUUID();
  const head = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${new Markup(STYLE + style)}</style>
</head>
<body>
`;
  const tail = html`
<script nonce="${nonce}">${new Markup(script)}</script>
</body>
</html>
`;
  return { head: head.text, tail: tail.text };
}
