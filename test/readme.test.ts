/** The README's code imports what exists, its commands are scripts of the package, its files are there. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');
const pkg = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));

test('every import in its code exists', async () => {
  const imports = [...readme.matchAll(/import \{([^}]+)\} from '(regraft[^']*)'/g)];
  expect(imports.length).toBeGreaterThan(5);
  const missing: string[] = [];
  for (const [, names, entry] of imports) {
    const module = await import(entry!);
    for (const name of names!.split(',').map((n) => n.trim()))
      if (!(name in module)) missing.push(`${name} of ${entry}`);
  }
  expect(missing).toEqual([]);
});

test('every npm script it names exists', () => {
  const scripts = [...readme.matchAll(/npm run ([a-z:-]+)/g)].map(([, name]) => name!);
  expect(scripts.filter((name) => !(name in pkg.scripts))).toEqual([]);
});

test('every file it links to exists', () => {
  const links = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path]) => path!);
  expect(links.filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
});
