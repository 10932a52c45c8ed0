/** The help of every command: one style, and whole sentences on a terminal of 80 columns. */
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';

describe.each(COMMANDS.map((make) => [make().name(), make()] as const))('%s --help', (_, command) => {
  test('begins with whole sentences, which the terminal’s width breaks, and with lists that fit', () => {
    for (const line of command.description().split('\n'))
      if (line.startsWith(' ')) expect(line.length, line).toBeLessThanOrEqual(80);
      else expect(line).toMatch(/^[A-Z].*[.:]$/);
  });

  test('holds no path of this machine', () => {
    expect(command.helpInformation()).not.toContain(process.cwd());
  });

  test('ends with examples of this command', () => {
    let help = '';
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    const examples = /\nExamples?:\n(.*)$/s.exec(help)![1]!.trimEnd().split('\n');
    for (const example of examples) expect(example).toMatch(new RegExp(`^  (.*\\| )?regraft ${command.name()}( |$)`));
  });
});
