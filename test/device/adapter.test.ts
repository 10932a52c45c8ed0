/** The choice of an adapter, its refusals, and processes that end by themselves. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { adapterName, isSoftware, matchesName, refusalOf, targetOf } from '../../src/device/adapter.ts';

const folder = mkdtempSync(join(tmpdir(), 'regraft-adapter-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const child = fileURLToPath(new URL('child.ts', import.meta.url));

/** Runs child.ts in a process of its own: it must end by itself within 30 s. */
async function run(mode: string, environment: Record<string, string> = {}) {
  const args = ['--conditions=regraft-source', '--import', 'tsx', child, mode];
  const env = { ...process.env, NODE_OPTIONS: '', ...environment };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 30_000 });
  return JSON.parse(stdout);
}

/** The cache is below HOME, and asked for a note also on machines that build. */
const noCache = { REGRAFT_CACHE: '', XDG_CACHE_HOME: '', CI: '', REGRAFT_TUNING: '' };

const info = (fields: Partial<GPUAdapterInfo>) =>
  ({
    vendor: '',
    architecture: '',
    device: '',
    description: '',
    isFallbackAdapter: false,
    ...fields,
  }) as GPUAdapterInfo;

describe('adapters', () => {
  test('lavapipe before Mesa 24 is refused with the reason; other drivers of old Mesa are not', () => {
    const lavapipe = (mesa: string) =>
      refusalOf(info({ vendor: 'mesa', description: `llvmpipe: Mesa ${mesa} (LLVM 15.0.6) 0.0.1` }));
    expect(lavapipe('22.3.6')).toBe(
      'lavapipe of Mesa 22.3 is too old, 24 or newer is needed (Debian 12: mesa-vulkan-drivers from bookworm-backports)',
    );
    expect(lavapipe('24.0.1')).toBeUndefined();
    expect(lavapipe('25.0.7-2~bpo12+1')).toBeUndefined();
    expect(refusalOf(info({ vendor: 'amd', description: 'radv: Mesa 22.3.6' }))).toBeUndefined();
  });

  test('software is recognised by what the driver says', () => {
    expect(isSoftware(info({ architecture: 'software', description: 'llvmpipe: Mesa 25.0.7' }))).toBe(true);
    expect(isSoftware(info({ architecture: 'swiftshader' }))).toBe(true);
    expect(isSoftware(info({ description: 'Microsoft Basic Render Driver' }))).toBe(true);
    expect(isSoftware(info({ vendor: 'nvidia', architecture: 'hopper', description: 'NVIDIA: 550.120' }))).toBe(false);
  });

  test('names: any part, any case', () => {
    const nvidia = info({ vendor: 'nvidia', architecture: 'ampere', device: 'nvidia-rtx-3090' });
    expect(matchesName(nvidia, 'RTX-3090')).toBe(true);
    expect(matchesName(nvidia, 'intel')).toBe(false);
    expect(adapterName(nvidia)).toBe('nvidia-rtx-3090');
    expect(adapterName(info({ vendor: 'apple', architecture: 'metal-3' }))).toBe('apple metal-3');
  });

  test('matrices are those of floats that are summed in float32, where the feature is on', () => {
    const listed = (componentType: string, resultComponentType: string) => ({
      ...{ componentType, resultComponentType, M: 16, N: 8, K: 32 },
    });
    const subgroupMatrixConfigs = [
      listed('f16', 'f16'),
      listed('f16', 'f32'),
      listed('u8', 'u32'),
      listed('f32', 'f32'),
    ];
    const gpu = (...languageFeatures: string[]) =>
      ({ wgslLanguageFeatures: new Set(languageFeatures) }) as unknown as GPU;
    const device = (...features: string[]) =>
      ({ features: new Set(['subgroups', ...features]), limits: {} }) as unknown as GPUDevice;
    const found = (on: GPU, opened: GPUDevice) =>
      targetOf(on, opened, {
        ...info({ vendor: 'nvidia' }),
        subgroupMaxSize: 32,
        subgroupMatrixConfigs,
      } as GPUAdapterInfo);
    const feature = 'chromium-experimental-subgroup-matrix';
    const [half, single] = [
      { component: 'f16', M: 16, N: 8, K: 32 },
      { component: 'f32', M: 16, N: 8, K: 32 },
    ];
    const both = found(gpu('subgroup_id'), device('shader-f16', feature));
    expect(both).toMatchObject({ matrices: [half, single], maxSubgroupSize: 32 });
    expect(found(gpu('subgroup_id'), device(feature)).matrices).toEqual([single]);
    expect(found(gpu('subgroup_id'), device('shader-f16')).matrices).toEqual([]);
    expect(found(gpu(), device('shader-f16', feature)).matrices).toEqual([]);
  });

  test('a process that used the GPU idles without CPU time, and ends by itself', async () => {
    const { value, idleMs } = await run('idle');
    expect(value).toBe(1.5);
    expect(idleMs).toBeLessThan(300);
  });

  test.each(['/dev/null', '/proc/self/environ', '', '/no/such/home'])(
    'opens where the home folder is %j, and takes it that there is no tuning',
    async (HOME) => {
      expect(await run('open', { ...noCache, HOME })).toMatchObject({ value: 1.5 });
    },
  );

  test("experimental features need a toggle of Dawn's", async () => {
    const isExperimental = (feature: string) => feature.includes('experimental');
    expect((await run('features')).some(isExperimental)).toBe(false);
    const toggled = await run('features', { REGRAFT_DAWN_FEATURES: 'allow_unsafe_apis' });
    expect(toggled.some(isExperimental)).toBe(true);
  });

  test('a name that nothing has: one line that says what there is, or why the system has none', async () => {
    const { error } = await run('open', { REGRAFT_ADAPTER: 'no such adapter' });
    expect(error).toMatch(
      /^DeviceError: init: found no adapter 'no such adapter' \((.+: is not 'no such adapter'|system: no Vulkan: .+\))/,
    );
    expect(error).not.toContain('\n');
  });

  describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('SwiftShader from npm', () => {
    // A loader that cannot be loaded, and no driver: what a machine without any Vulkan package looks like to Dawn.
    writeFileSync(join(folder, 'libvulkan.so.1'), '');
    const noVulkan = { LD_LIBRARY_PATH: folder, VK_DRIVER_FILES: '/none', VK_ICD_FILENAMES: '/none' };
    const cache = join(folder, 'cache');

    test('takes over on a machine without Vulkan, is unpacked once, and leaves the environment alone', async () => {
      const environment = { ...noVulkan, REGRAFT_CACHE: cache, REGRAFT_ADAPTER: 'auto' };
      // Two at once: whoever unpacks first, both work.
      const both = await Promise.all([run('open', environment), run('open', environment)]);
      for (const result of both) {
        expect(result).toMatchObject({ value: 1.5, software: true, environment: '/none' });
        expect(result.description).toMatch(/swiftshader/i);
      }
      expect(readdirSync(join(cache, 'swiftshader'))).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+$/)]);
    });

    test('is taken by name beside a system that has Vulkan', async () => {
      const result = await run('idle', { REGRAFT_CACHE: cache, REGRAFT_ADAPTER: 'swiftshader' });
      expect(result.description).toMatch(/swiftshader/i);
      expect(result.idleMs).toBeLessThan(300);
    });

    test('is unpacked into a temporary folder where there can be no cache', async () => {
      const result = await run('open', {
        HOME: '/dev/null',
        ...noCache,
        TMPDIR: folder,
        REGRAFT_ADAPTER: 'swiftshader',
      });
      expect(result.description).toMatch(/swiftshader/i);
      expect(readdirSync(folder).filter((name) => name.startsWith('regraft-swiftshader-'))).toEqual([]);
    });

    test('listAdapters tells in order what was found, and marks one', async () => {
      const reports = await run('list', { ...noVulkan, REGRAFT_CACHE: cache, REGRAFT_ADAPTER: 'auto' });
      expect(reports).toMatchObject([
        { source: 'system', status: 'missing', reason: expect.stringMatching(/^no Vulkan: .*libvulkan.so.1: /) },
        { source: '@sparticuz/chromium', status: 'chosen', software: true, reason: '' },
      ]);
    });

    test('no way at all: one line with the reasons and the three ways to an adapter', async () => {
      const { error } = await run('confined', {
        ...noVulkan,
        REGRAFT_CACHE: join(folder, 'libvulkan.so.1'),
        REGRAFT_ADAPTER: 'auto',
      });
      expect(error).toMatch(
        /^DeviceError: init: found no GPU adapter \(system: no Vulkan: .*libvulkan.*; SwiftShader: .*\)\. /,
      );
      expect(error).toContain(
        'Three ways to get one: the driver of a real GPU; Mesa 24 or newer (Debian 12: mesa-vulkan-drivers from ' +
          'bookworm-backports); or SwiftShader, npm install @sparticuz/chromium@138.',
      );
      expect(error).not.toContain('\n');
    });
  });
});
