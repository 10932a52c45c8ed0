/** Makes the kernels in dist what every application loads: `npm run build` runs it on what TypeScript has written. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { plainKernel } from '../web/build/plain-wgsl.ts';

const folder = new URL('../dist/src/kernels/', import.meta.url);
for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'))) {
  const file = new URL(name.replaceAll('\\', '/'), folder);
  writeFileSync(file, plainKernel(readFileSync(file, 'utf8')));
}
