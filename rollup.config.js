/** The published types, an entry a file, without what is `@internal`: `npm run build` puts them into dist/types. */
import { readFileSync } from 'node:fs';
import { dts } from 'rollup-plugin-dts';

const { exports } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
const names = Object.values(exports).map(({ types }) => /^\.\/dist\/types\/(.*)\.d\.ts$/.exec(types)[1]);

export default {
  input: Object.fromEntries(names.map((name) => [name, `src/${name}.ts`])),
  // What starts with # is ours, chosen by package.json.
  external: /^[^.#/]/,
  plugins: [dts({ tsconfig: 'tsconfig.build.json', compilerOptions: { stripInternal: true } })],
  output: {
    dir: 'dist/types',
    entryFileNames: '[name].d.ts',
    chunkFileNames: 'shared/[name].d.ts',
    // Symbol.dispose, which a program's own `lib` may lack.
    banner: '/// <reference lib="esnext.disposable" />',
  },
};
