/** The API reference: what `npm run docs` builds, without a warning. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  Application,
  Logger,
  LogLevel,
  ReflectionKind,
  type SignatureReflection,
  TSConfigReader,
  TypeDocReader,
} from 'typedoc';
import { expect, test } from 'vitest';
import { ROOT } from './markdown.ts';

class Warnings extends Logger {
  readonly texts: string[] = [];
  override log(message: string, level: LogLevel): void {
    if (level >= LogLevel.Warn) this.texts.push(message);
  }
}

test('every entry is in it, every export and every option is documented, every link resolves', async () => {
  const options = fileURLToPath(new URL('typedoc.json', ROOT));
  const app = await Application.bootstrapWithPlugins({ options }, [new TypeDocReader(), new TSConfigReader()]);
  const warnings = new Warnings();
  app.logger = warnings;
  const project = await app.convert();
  expect(warnings.texts).toEqual([]);
  app.validate(project!);
  expect(warnings.texts).toEqual([]);

  // Options are what a reader looks up.
  const properties = Object.values(project!.reflections).filter(
    ({ kind, parent }) => kind === ReflectionKind.Property && /(Options|Attributes|Settings)$/.test(parent?.name ?? ''),
  );
  expect(properties.length).toBeGreaterThan(150);
  expect(properties.filter((option) => !option.hasComment()).map((option) => option.getFullName())).toEqual([]);

  // The main functions have an example, and a sentence for each parameter.
  const shown = project!
    .getReflectionsByKind(ReflectionKind.CallSignature)
    .filter((r) => r.parent!.kindOf(ReflectionKind.Function) && r.comment?.getTag('@example')) as SignatureReflection[];
  expect(shown.length).toBeGreaterThan(20);
  const silent = shown.flatMap(({ parameters }) => parameters ?? []).filter((parameter) => !parameter.hasComment());
  expect(silent.map((parameter) => parameter.getFriendlyFullName())).toEqual([]);

  const { exports } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'));
  const entries = Object.keys(exports).map((entry) => entry.replace('.', 'regraft'));
  expect(project!.children!.map(({ name }) => name).sort()).toEqual(entries.sort());
  expect(project!.documents!.map(({ name }) => name)).toEqual([
    'Load',
    'Freeze',
    'Graft',
    'Train',
    'Predict',
    'Convert',
    'In the browser',
    'Recipes',
    'Texts',
    'Coming from PyTorch',
    'Coming from Keras',
    'Coming from TF.js',
  ]);
}, 300_000);
