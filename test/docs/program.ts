/**
 * The TypeScript of a page as one program: what a block declares, the next ones see, and may declare anew. It has as many lines
 * as the page and each statement on its own, so that errors name the page's lines. Imports, on one line each, go to the top.
 */
import ts from 'typescript';
import type { CodeBlock, Page } from './markdown.ts';
import { ROOT } from './markdown.ts';

const IMPORT = /^import (type )?\{ (.+) \} from '(.+)';$/;

/** @param blocks which blocks of the page, in its order */
export function programOf(page: Page, blocks: readonly CodeBlock[]): string {
  const lines = page.lines.map(() => '');
  const imports = new Map<string, Set<string>>();
  for (const { first, lines: code } of blocks) {
    lines[first] = '{';
    for (const [i, line] of code.entries()) {
      const [, type = '', names, entry] = IMPORT.exec(line) ?? [];
      if (entry === undefined) lines[first + 1 + i] = line;
      else
        imports.set(entry, new Set([...(imports.get(entry) ?? []), ...names!.split(', ').map((name) => type + name)]));
    }
  }
  lines[0] = [...imports].map(([entry, names]) => `import { ${[...names].join(', ')} } from '${entry}';`).join(' ');
  return `${lines.join('\n')}${'}'.repeat(blocks.length)}\nexport {};\n`;
}

/** The page's TypeScript blocks. */
export function typescriptOf(page: Page): CodeBlock[] {
  return page.blocks.filter(({ language }) => language === 'ts');
}

/** What the compiler says about the programs of these pages: `docs/guide/load.md:12: …`. */
export function typeErrors(pages: readonly Page[]): string[] {
  const path = (name: string) => new URL(name, ROOT).pathname;
  const { config } = ts.readConfigFile(path('tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, path('.'));
  // A page may show a name that it does not use.
  const settings = { ...options, noUnusedLocals: false, noUnusedParameters: false };
  const sources = new Map(pages.map((page) => [`${page.url.pathname}.mts`, programOf(page, typescriptOf(page))]));
  const host = ts.createCompilerHost(settings);
  const { fileExists, readFile } = host;
  host.fileExists = (name) => sources.has(name) || fileExists.call(host, name);
  host.readFile = (name) => sources.get(name) ?? readFile.call(host, name);
  const program = ts.createProgram([...sources.keys()], settings, host);
  return [...sources.keys()].flatMap((name) => {
    const file = program.getSourceFile(name)!;
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map((diagnostic) => {
      const { line } = file.getLineAndCharacterOfPosition(diagnostic.start ?? 0);
      const page = pages.find(({ url }) => `${url.pathname}.mts` === name)!;
      return `${page.path}:${line + 1}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ')}`;
    });
  });
}
