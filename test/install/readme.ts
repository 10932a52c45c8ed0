/** The README's commands as they are typed, and the files that they name. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { drawFolder } from '../../examples/quickstart/pictures.ts';
import { SUBJECTS } from '../../examples/quickstart/subjects.ts';
import { writeWeights } from '../../src/io/index.ts';
import { resnet50, squeezenet1_1 } from '../../src/models/index.ts';
import { Page } from '../docs/markdown.ts';

/** Lines that a shell can run, in order, without the test run, which is what runs this, and without servers. */
export function readmeCommands(): string[] {
  const blocks = new Page('README.md').blocks.filter(({ language }) => language === '' || language === 'sh');
  const lines = blocks.flatMap(({ lines }) => lines).filter((line) => /^(npm|npx|git|cd) /.test(line));
  return lines
    .map((line) => line.replace(/ +#.*$/, ''))
    .filter((line) => !/^npm cit$|regraft ui|npm run dev/.test(line));
}

/** Small photos, and weight files of random values. */
export async function writeInputs(folder: string): Promise<void> {
  const at = (name: string) => join(folder, name);
  const [ants, bees] = Object.values(SUBJECTS);
  for (const photos of ['photos', 'other-photos', 'new-photos'])
    await drawFolder(at(photos), { ants: ants!, bees: bees! }, 8, 0);
  await writeWeights(at('resnet50.pth'), (await resnet50({ seed: 0 })).stateDict());
  await writeWeights(at('squeezenet1_1.pth'), (await squeezenet1_1({ seed: 0 })).stateDict());
  cpSync(fileURLToPath(new URL('../fixtures/keras/small.keras', import.meta.url)), at('mobilenet.keras'));
}
