/** Reads the imports of src and holds them to the layer line of DESIGN: dependencies point one way. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** From the bottom to the top; a layer may import its own row and every row above it in this list. */
const LINE: readonly (readonly string[])[] = [
  ['core'],
  ['device', 'report'],
  ['kernels'],
  ['graph'],
  ['ops'],
  ['tensor'],
  ['data', 'nn', 'optim', 'io', 'text'],
  ['models'],
  ['tasks'],
  ['train'],
  ['runs', 'convert'],
  ['cli', 'web'],
];

/** Where Node's own modules may be imported. */
const PLATFORM = [/^device\/[\w-]+-node\.ts$/, /^data\//, /^train\//, /^runs\//, /^cli\//];

/** Which layers may import a package; one that is not listed here is not to be imported at all. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  '@rgrove/parse-xml': ['data'],
  'fast-png': ['data'],
  'image-size': ['data'],
  webgpu: ['device'],
  yaml: ['data'],
  koffi: ['device'],
  'string-width': ['device'],
  fflate: ['data', 'io'],
  h5wasm: ['io'],
  hyparquet: ['data'],
  'hyparquet-compressors': ['data'],
  protobufjs: ['io', 'text'],
  papaparse: ['data'],
  sharp: ['data'],
  tinyglobby: ['data'],
  'cli-progress': ['runs', 'cli'],
  commander: ['cli'],
};

/** What a browser loads for a `#name` of package.json. */
const BROWSER: Readonly<Record<string, string>> = {
  '#gpu': 'device/gpu-browser.ts',
  '#files': 'device/files-browser.ts',
  '#text-width': 'device/text-width-browser.ts',
  '#image': 'data/images/decode-browser.ts',
  '#threads': 'data/images/sample-threads-browser.ts',
  '#activations': 'train/trunk/activations-browser.ts',
};

const LINES = 400;
/** Longer files, each with the reason for it. */
const LONG: Readonly<Record<string, string>> = {
  'src/tensor/tensor.ts': 'one class: a method for every op, most of one line',
};

interface Import {
  readonly from: string;
  /** A file of src, or a package, or `node:…`, or `#…`. */
  readonly to: string;
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
}

function sources(folder: string, extension = '.ts'): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith(extension) && !file.includes('node_modules/'))
    .sort();
}

function importsOf(file: string): Import[] {
  const source = ts.createSourceFile(file, readFileSync(join(root, 'src', file), 'utf8'), ts.ScriptTarget.Latest);
  const found: Import[] = [];
  const add = (specifier: string, typeOnly: boolean, dynamic: boolean) => {
    const to = specifier.startsWith('.') ? posix.normalize(posix.join(dirname(file), specifier)) : specifier;
    found.push({ from: file, to, typeOnly, dynamic });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const clause = node.importClause;
      const names = clause?.namedBindings;
      const onlyTypes =
        clause?.phaseModifier === ts.SyntaxKind.TypeKeyword ||
        (!clause?.name && !!names && ts.isNamedImports(names) && names.elements.every((e) => e.isTypeOnly));
      add(node.moduleSpecifier.text, onlyTypes, false);
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
      add(node.moduleSpecifier.text, node.isTypeOnly, false);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (argument && ts.isStringLiteralLike(argument)) add(argument.text, false, true);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const files = sources('src');
const imports = files.flatMap(importsOf);
const isSource = (to: string) => to.endsWith('.ts');
const layerOf = (file: string) => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '');
const rankOf = (file: string) => LINE.findIndex((layers) => layers.includes(layerOf(file)));
const text = ({ from, to }: Import) => `${from} imports ${to}`;

describe('architecture', () => {
  test('every file of src is in a layer, or is the public index', () => {
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((file) => rankOf(file) < 0)).toEqual(['index.ts']);
  });

  test('imports point down the line', () => {
    const up = imports.filter(
      ({ from, to }) =>
        layerOf(from) && (to.startsWith('#') ? rankOf(from) < 1 : isSource(to) && rankOf(to) > rankOf(from)),
    );
    expect(up.map(text)).toEqual([]);
  });

  test('every relative import names a file of src', () => {
    const out = imports.filter(({ to }) => to.startsWith('..') || (isSource(to) && !files.includes(to)));
    // The benchmarks stand beside src; their command starts them.
    expect(out.map(text)).toEqual(['cli/bench.ts imports ../bench/run.ts']);
  });

  test('nothing imports the public index, nor the index of its own layer', () => {
    const wrong = imports.filter(
      ({ from, to }) =>
        to === 'index.ts' || (to.endsWith('/index.ts') && layerOf(to) === layerOf(from) && layerOf(from)),
    );
    expect(wrong.map(text)).toEqual([]);
  });

  test('no file imports itself, not even through others, types included', () => {
    const edges = new Map<string, string[]>();
    for (const { from, to } of imports) if (isSource(to)) edges.set(from, [...(edges.get(from) ?? []), to]);
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      const at = path.indexOf(file);
      if (at >= 0) cycles.push([...path.slice(at), file].join(' -> '));
      if (at >= 0 || done.has(file)) return;
      for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });

  test('Node is imported by platform files, data, train, runs and the command line only', () => {
    const wrong = imports.filter(
      ({ from, to }) => to.startsWith('node:') && !PLATFORM.some((allowed) => allowed.test(from)),
    );
    expect(wrong.map(text)).toEqual([]);
  });

  test('packages are imported where they belong', () => {
    const wrong = imports.filter(({ from, to }) => {
      if (isSource(to) || /^(node:|#|\.)/.test(to)) return false;
      const name = to
        .split('/')
        .slice(0, to.startsWith('@') ? 2 : 1)
        .join('/');
      return !PACKAGES[name]?.includes(layerOf(from));
    });
    expect(wrong.map(text)).toEqual([]);
  });

  test.each([
    'index.ts',
    'nn/index.ts',
    'optim/index.ts',
    'models/index.ts',
    'io/index.ts',
    'convert/index.ts',
    'text/index.ts',
    'data/browser.ts',
    'runs/browser.ts',
  ])('a browser that loads %s loads nothing of Node and no heavy package', (entry) => {
    const seen = new Set<string>();
    const heavy: string[] = [];
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const edge of imports.filter(({ from, typeOnly, dynamic }) => from === file && !typeOnly && !dynamic)) {
        if (BROWSER[edge.to]) visit(BROWSER[edge.to]!);
        else if (isSource(edge.to)) visit(edge.to);
        else if (edge.to !== 'fflate') heavy.push(text(edge));
      }
    };
    visit(entry);
    expect(files).toContain(entry);
    expect(heavy).toEqual([]);
  });

  test(`no file is longer than ${LINES} lines without a reason`, () => {
    const long = ['src', 'test', 'scripts', 'bench', 'examples']
      .flatMap((folder) => sources(folder).map((file) => `${folder}/${file}`))
      .filter((file) => readFileSync(join(root, file), 'utf8').trimEnd().split('\n').length > LINES);
    expect(long.sort()).toEqual(Object.keys(LONG).sort());
  });
});
