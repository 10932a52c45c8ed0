/**
 * Writes every kernel as a .wgsl file, for reading and for other compilers.
 *
 *   npx tsx --conditions=regraft-source scripts/dump-wgsl.ts OUT
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { init } from 'regraft';
import { kernelsFor, TARGETS } from '../test/kernels/catalog.ts';

const out = process.argv[2];
if (!out) {
  console.error('usage: dump-wgsl.ts OUT');
  process.exit(2);
}
await init();
for (const [name, target] of Object.entries(TARGETS)) {
  const folder = join(out, name.replace(/[^a-z0-9]+/gi, '-').toLowerCase());
  await mkdir(folder, { recursive: true });
  const counts = new Map<string, number>();
  const kernels = [...kernelsFor(target).values()];
  for (const { name: kernel, wgsl } of kernels) {
    const count = (counts.get(kernel) ?? 0) + 1;
    counts.set(kernel, count);
    await writeFile(join(folder, `${kernel}${count > 1 ? `-${count}` : ''}.wgsl`), `${wgsl.trim()}\n`);
  }
  console.log(`${folder}: ${kernels.length} kernels`);
}
