/** `licenses.md` beside the page: the packages that it carries, with their licences in full. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin, Rolldown } from 'vite';

/** Folders of the packages by name. */
const packages = new Map<string, string>();

/** For the build of the page, which ends last. */
export function licenses(): Plugin {
  return {
    name: 'regraft-licenses',
    transformIndexHtml: () => [{ tag: 'link', attrs: { rel: 'license', href: './licenses.md' } }],
    generateBundle(_, bundle) {
      collect(bundle);
      this.emitFile({ type: 'asset', fileName: 'licenses.md', source: text() });
    },
  };
}

/** For the builds of Workers and of what the page carries as text. */
export function collectLicenses(): Plugin {
  return { name: 'regraft-collect-licenses', generateBundle: (_, bundle) => collect(bundle) };
}

function collect(bundle: Rolldown.OutputBundle): void {
  for (const part of Object.values(bundle))
    for (const id of part.type === 'chunk' ? part.moduleIds : []) {
      const [folder, name] = /^[^\0].*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(id) ?? [];
      if (folder) packages.set(name!, folder);
    }
}

function text(): string {
  const sections = [...packages].sort().map(([name, folder]) => {
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`${name}: its package has no licence file, and the page must carry one.`);
    return `## ${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
  });
  return ['# Licences of what this page carries\n', ...sections].join('\n');
}
