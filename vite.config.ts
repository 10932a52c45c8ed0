/** The browser pages: `npm run dev` serves them from source, `npm run build` puts them into dist/web. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';
import { STYLE } from './src/report/style.ts';
import { leaveOut } from './web/build/leave-out.ts';
import { collectLicenses, licenses } from './web/build/licenses.ts';
import { networks } from './web/build/networks.ts';
import { plainWgsl } from './web/build/plain-wgsl.ts';
import { hostScript } from './web/host/plugin.ts';

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const { version } = JSON.parse(readFileSync(folder('package.json'), 'utf8')) as { version: string };

/** What the built page may do: ask its own server and the host of the published weights, nobody else. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "connect-src 'self' blob: https://download.pytorch.org",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Puts the report's style sheet, which the page shares, into the head, and into the built page its policy. */
function head(): Plugin {
  return {
    name: 'regraft-head',
    transformIndexHtml: (_html, { server }) => [
      { tag: 'style', children: plainStyle(STYLE), injectTo: 'head-prepend' },
      ...(server
        ? []
        : [
            {
              tag: 'meta',
              attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY },
              injectTo: 'head-prepend' as const,
            },
          ]),
    ],
  };
}

/** Leaves comments and the space around punctuation out of a style sheet that Vite does not see as one. */
const plainStyle = (style: string) =>
  style
    .replace(/\/\*.*?\*\//gs, '')
    .replace(/\s*([{};,])\s*/g, '$1')
    .replace(/([{;][\w-]+): /g, '$1:');

const define = { __VERSION__: JSON.stringify(version) };

export default defineConfig({
  root: folder('web'),
  base: './',
  plugins: [head(), plainWgsl(), hostScript(define), licenses()],
  define,
  resolve: { conditions: ['regraft-source', 'browser', 'module'] },
  server: { fs: { allow: [folder('.')] } },
  // Layers are shown and exported by the names of their classes.
  worker: {
    format: 'es',
    // The conformance page reads no weight file.
    plugins: () => [plainWgsl(), hostScript(define), networks(), leaveOut('h5wasm', /conformance/), collectLicenses()],
    rolldownOptions: { output: { keepNames: true } },
  },
  build: {
    outDir: folder('dist/web'),
    emptyOutDir: true,
    target: 'es2022',
    reportCompressedSize: true,
    rolldownOptions: { input: [folder('web/index.html'), folder('web/conformance.html')] },
  },
});
