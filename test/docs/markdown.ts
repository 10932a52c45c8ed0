/** What can be checked of a page of documentation without running it: its links, its npm scripts, its commands. */
import { existsSync, readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { COMMANDS } from '../../src/cli/commands.ts';

/** The project's folder. */
export const ROOT = new URL('../../', import.meta.url);

/** A fenced block of a page. */
export interface CodeBlock {
  /** `ts`, `sh`; '' where the fence names none. */
  readonly language: string;
  /** From 0, of the opening fence. */
  readonly first: number;
  /** Of the closing fence. */
  readonly last: number;
  readonly lines: readonly string[];
  /** Why it is compiled and not run, as a comment `<!-- not run: … -->` before it says. */
  readonly notRun: string | undefined;
}

/** A page of documentation. */
export class Page {
  readonly path: string;
  readonly url: URL;
  readonly lines: readonly string[];
  readonly blocks: readonly CodeBlock[];

  /** @param path from the project's folder */
  constructor(path: string) {
    this.path = path;
    this.url = new URL(path, ROOT);
    this.lines = readFileSync(this.url, 'utf8').split('\n');
    this.blocks = blocksOf(this.lines);
  }

  get text(): string {
    return this.lines.join('\n');
  }

  /** Relative links that lead nowhere, and those to a heading that their page does not have. */
  brokenLinks(): string[] {
    const links = [...this.text.matchAll(/\]\(([^)#:]*)(?:#([^)]*))?\)/g)];
    return links
      .filter(([, path, anchor]) => {
        const target = new URL(path!, this.url);
        if (!existsSync(target)) return true;
        return anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).includes(anchor);
      })
      .map(([link]) => link);
  }

  /** Scripts of `npm run` that package.json does not have. */
  unknownScripts(): string[] {
    const { scripts } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'));
    const named = [...this.text.matchAll(/npm run ([a-z:-]+)/g)].map(([, name]) => name!);
    return named.filter((name) => !(name in scripts));
  }

  /** `regraft …` as typed in its blocks that are not code. */
  commands(): string[] {
    const shell = this.blocks.filter(({ language }) => language === '' || language === 'sh');
    return shell.flatMap(({ lines }) => lines).flatMap((line) => /^(?:npx )?(regraft .*)/.exec(line)?.[1] ?? []);
  }

  /** Commands that the command line would refuse for their names, options or values, with its words. */
  wrongCommands(): string[] {
    return this.commands().flatMap((line) => {
      const fault = usageFault(line.split(/ +/).slice(1));
      return fault === undefined ? [] : [`${line}: ${fault}`];
    });
  }
}

/** What a page's headings are called in links to them. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function blocksOf(lines: readonly string[]): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  for (let first = 0; first < lines.length; first++) {
    const language = /^```(\w*)$/.exec(lines[first]!)?.[1];
    if (language === undefined) continue;
    const last = lines.indexOf('```', first + 1);
    const notRun = /^<!-- not run: (.+) -->$/.exec(lines[first - 1] ?? '')?.[1];
    blocks.push({ language, first, last, lines: lines.slice(first + 1, last), notRun });
    first = last;
  }
  return blocks;
}

/** Parses as the command line does, without doing anything. */
function usageFault(words: readonly string[]): string | undefined {
  const program = new Command('regraft').option('--adapter <name>').option('--debug');
  for (const make of COMMANDS) program.addCommand(make().action(() => {}));
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
  try {
    program.parse(words, { from: 'user' });
    return undefined;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? undefined : error.message;
  }
}
