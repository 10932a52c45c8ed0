/** What a browser has to load: sizes, and that nothing of Node comes along. */
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Rolldown } from 'vite';
import { describe, expect, test } from 'vitest';
import { plainWgsl } from '../../web/build/plain-wgsl.ts';
import { chromiumPath, launch, openPage, serveBuiltPage } from './browser.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const KB = 1000;
const LIBRARY_LIMIT = 60 * KB;
const FIRST_LOAD_LIMIT = 150 * KB;

type Chunk = Rolldown.OutputChunk;

interface Bundle {
  readonly chunks: readonly Chunk[];
  /** Modules of Node that were asked for: `importer: module`. */
  readonly node: readonly string[];
}

/** Bundles a module of an application, minified, as a browser would get it. */
async function bundle(code: string): Promise<Bundle> {
  const entry = join(root, 'application.js');
  const node: string[] = [];
  const application = {
    name: 'application',
    enforce: 'pre' as const,
    resolveId(id: string, importer?: string) {
      if (isBuiltin(id)) node.push(`${relative(root, importer!)}: ${id}`);
      return id === entry ? entry : undefined;
    },
    load: (id: string) => (id === entry ? code : undefined),
  };
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    root,
    // What is published has its kernels so.
    plugins: [plainWgsl(), application],
    resolve: { conditions: ['regraft-source', 'browser', 'module'] },
    build: {
      write: false,
      target: 'es2022',
      lib: { entry, formats: ['es'], fileName: 'application' },
      // Vite leaves the white space in ES libraries; applications have none.
      rolldownOptions: { output: { minify: true } },
    },
  });
  const [{ output }] = built as [Rolldown.RolldownOutput];
  return { chunks: output.filter((part) => part.type === 'chunk'), node };
}

/** What packages ask for and can do without: protobufjs declares `fs` as absent in browsers, and reads no files here. */
const OPTIONAL = ['node_modules/protobufjs/src/util/fs.js: fs'];

const gzipped = (chunks: readonly Chunk[]) => chunks.reduce((sum, { code }) => sum + gzipSync(code).length, 0);
/** Those that are loaded with the application: what is imported later, once it is known to be needed, is left out. */
function loadedAtOnce(chunks: readonly Chunk[]): Chunk[] {
  const found = new Set<Chunk>();
  const add = (chunk: Chunk | undefined): void => {
    if (!chunk || found.has(chunk)) return;
    found.add(chunk);
    for (const name of chunk.imports) add(chunks.find(({ fileName }) => fileName === name));
  };
  for (const chunk of chunks.filter(({ isEntry }) => isEntry)) add(chunk);
  return [...found];
}

const modulesOf = (chunks: readonly Chunk[]) => chunks.flatMap(({ moduleIds }) => moduleIds);

describe('an application that imports the library', () => {
  test('init and Tensor are at most 60 KB gzipped, with nothing of layers, models, files and training', async () => {
    const { chunks } = await bundle(
      `import { init, Tensor } from 'regraft'; globalThis.application = { init, Tensor };`,
    );
    const atOnce = loadedAtOnce(chunks);
    const layers = new Set(modulesOf(atOnce).flatMap((id) => /\/src\/(\w+)\//.exec(id)?.[1] ?? []));
    expect([...layers].sort()).toEqual(['core', 'device', 'graph', 'kernels', 'ops', 'tensor']);
    expect(gzipped(atOnce)).toBeLessThanOrEqual(LIBRARY_LIMIT);
    const later = modulesOf(chunks.filter((chunk) => !atOnce.includes(chunk))).map((id) => relative(root, id));
    expect(later.sort()).toEqual([
      'src/kernels/conv2d/patches-grad.ts',
      'src/kernels/conv2d/patches.ts',
      'src/kernels/conv2d/winograd.ts',
      'src/kernels/gemm/lane.ts',
      'src/kernels/gemm/matrix.ts',
      'src/kernels/software.ts',
    ]);
  });

  test('init alone leaves out tensors and kernels', async () => {
    const { chunks } = await bundle(`import { init } from 'regraft'; globalThis.application = init;`);
    expect(gzipped(loadedAtOnce(chunks))).toBeLessThanOrEqual(LIBRARY_LIMIT / 4);
  });

  test('a network brings its own family and no other', async () => {
    const { chunks } = await bundle(
      `import { squeezenet1_1 } from 'regraft/models'; globalThis.application = squeezenet1_1;`,
    );
    const models = modulesOf(loadedAtOnce(chunks)).flatMap((id) => /\/src\/models\/(.*)/.exec(id)?.[1] ?? []);
    expect(models.sort()).toEqual(['categories.ts', 'define.ts', 'load.ts', 'published.ts', 'squeezenet.ts']);
  });

  test.each(Object.keys(manifest.exports))('%s of the library reaches nothing of Node', async (path) => {
    const { chunks, node } = await bundle(`export * from 'regraft${path.slice(1)}';`);
    expect(node.filter((request) => !OPTIONAL.includes(request))).toEqual([]);
    const outside = chunks.flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports]);
    expect(outside.filter((file) => !chunks.some(({ fileName }) => fileName === file))).toEqual([]);
    expect(modulesOf(chunks).filter((id) => id.endsWith('-node.ts'))).toEqual([]);
  });

  test('what is published is chosen as the sources are', () => {
    const folder = dirname(manifest.exports['.'].default);
    const built = (source: string) => source.replace('./src', folder).replace(/\.ts$/, '.js');
    for (const [name, entry] of Object.entries({ ...manifest.exports, ...manifest.imports })) {
      if (typeof entry === 'string') continue;
      const { 'regraft-source': source, types: _, ...published } = entry as Record<string, unknown>;
      const sources = typeof source === 'string' ? { default: source } : (source as Record<string, string>);
      const expected = Object.fromEntries(Object.entries(sources).map(([condition, file]) => [condition, built(file)]));
      expect({ [name]: published }).toEqual({ [name]: expected });
    }
  });
});

describe('the built page', () => {
  test('carries the HDF5 library once, and the licence of every package in it', async () => {
    const site = await serveBuiltPage();
    try {
      const files = readdirSync(join(site.folder, 'assets'));
      expect(files.filter((name) => name.startsWith('hdf5')).length).toBe(1);
      const licenses = readFileSync(join(site.folder, 'licenses.md'), 'utf8');
      const packages = [...licenses.matchAll(/^## (\S+) /gm)].map(([, name]) => name);
      expect(packages).toEqual(['fflate', 'h5wasm', 'long', 'protobufjs']);
      expect(licenses).toContain('keep intact this entire notice');
      expect(licenses).toContain('HDF5 (Hierarchical Data Format 5) Software Library and Utilities');
    } finally {
      await site.close();
    }
  });
});

describe.skipIf(!chromiumPath)('the page (needs REGRAFT_CHROMIUM or /usr/bin/chromium)', () => {
  test('its first load, the Worker and the opened GPU included, is at most 150 KB gzipped', async () => {
    const [site, browser] = await Promise.all([serveBuiltPage(), launch()]);
    try {
      const { page, errors } = await openPage(browser, site.url);
      await page.waitForLoadState('networkidle');
      const loaded = [...site.served].map((file) => [basename(file), gzipSync(readFileSync(file)).length] as const);
      expect(loaded.map(([name]) => name)).toContain('index.html');
      expect(loaded.filter(([name]) => name.endsWith('.js')).length).toBeGreaterThanOrEqual(2);
      expect(loaded.reduce((sum, [, bytes]) => sum + bytes, 0)).toBeLessThanOrEqual(FIRST_LOAD_LIMIT);
      expect(errors).toEqual([]);
    } finally {
      await browser.close();
      await site.close();
    }
  });
});
