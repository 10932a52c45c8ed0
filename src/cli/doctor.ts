/** `regraft doctor`: which adapters there are, which is used and why, whether it computes correctly, how to get a faster one. */

import { Command } from 'commander';
import { DeviceError } from '../core/errors.ts';
import { formatBytes } from '../core/format.ts';
import type { AdapterReport } from '../device/adapter.ts';
import { columns } from '../device/columns.ts';
import type { DeviceInfo } from '../device/device.ts';
import { runtimeName } from '../device/runtime-node.ts';
import type { AdapterCheck } from '../runs/index.ts';
import { version } from '../runs/version.ts';
import { print, printJson } from './output.ts';

export function doctorCommand(): Command {
  return new Command('doctor')
    .summary('check this machine’s adapters')
    .description(
      'Lists the adapters of this machine, says which is used and why, checks it, and says how to get a faster one.',
    )
    .option('--json', 'print the findings as JSON')
    .addHelpText(
      'after',
      `
Examples:
  regraft doctor
  regraft doctor --adapter swiftshader`,
    )
    .action(run);
}

/** The limits that decide what fits; `--json` has all. */
const SHOWN_LIMITS: readonly [limit: string, text: string, bytes: boolean][] = [
  ['maxStorageBufferBindingSize', 'largest binding', true],
  ['maxBufferSize', 'largest buffer, and tensor', true],
  ['maxComputeInvocationsPerWorkgroup', 'invocations per workgroup', false],
  ['maxComputeWorkgroupStorageSize', 'memory per workgroup', true],
  ['maxStorageBuffersPerShaderStage', 'storage buffers per kernel', false],
];

async function run({ json }: { readonly json?: true }): Promise<void> {
  const { listAdapters } = await import('#gpu');
  const { init } = await import('../graph/init.ts');
  const { checkAdapter } = await import('../runs/index.ts');
  const adapters = await listAdapters();
  const fault = (error: unknown) => {
    if (error instanceof DeviceError) return error;
    throw error;
  };
  const info = await init().catch(fault);
  const check = info instanceof DeviceError ? null : await checkAdapter().catch(fault);
  const advice = adviceFor(info instanceof DeviceError ? null : info);
  if (json) {
    const chosen = info instanceof DeviceError ? null : info;
    printJson({
      version,
      adapters,
      chosen,
      check: check instanceof DeviceError ? { error: check.message } : check,
      advice,
    });
  } else print(report(adapters, info, check, advice));
  if (info instanceof DeviceError) throw info;
  if (check instanceof DeviceError) throw check;
  if (!check!.correct)
    throw new DeviceError(
      `doctor: ${info.description} computes wrongly: the test kernel is off by ${check!.maxError}. Update its driver, or choose another adapter with --adapter.`,
    );
}

function report(
  adapters: readonly AdapterReport[],
  info: DeviceInfo | DeviceError,
  check: AdapterCheck | DeviceError | null,
  advice: readonly string[],
): string {
  const lines = [`regraft ${version}, ${runtimeName()}, ${process.platform} ${process.arch}`, '', 'Adapters'];
  const rows = adapters.map(({ name, source, software, status, reason }) => [
    `  ${status}`,
    name === source ? name : `${name} (${source})`,
    reason || (software ? 'software: computes on the CPU' : 'GPU'),
  ]);
  lines.push(...columns(rows));
  if (!(info instanceof DeviceError)) {
    const limits = SHOWN_LIMITS.map(([limit, text, bytes]) => {
      const value = info.limits[limit] ?? 0;
      return [`  ${text}`, bytes ? formatBytes(value) : String(value)];
    });
    lines.push(
      '',
      'In use',
      `  ${info.description}`,
      `  features: ${info.features.join(', ') || 'none'}`,
      ...columns(limits, [1]),
    );
  }
  if (check && !(check instanceof DeviceError))
    lines.push(
      '',
      'Test kernel',
      `  matmul 65 x 65: ${check.correct ? 'correct' : 'WRONG'} (largest error ${check.maxError.toExponential(1)})`,
      `  matmul 512 x 512: ${check.gflops < 10 ? check.gflops.toFixed(1) : Math.round(check.gflops)} GFLOP/s`,
    );
  if (advice.length > 0) lines.push('', 'For more speed', ...advice.map((line) => `  ${line}`));
  return lines.join('\n');
}

function adviceFor(info: DeviceInfo | null): string[] {
  if (!info?.software) return [];
  const gpu = 'A real GPU of any vendor is many times faster: install its driver (Vulkan, Metal or Direct3D 12).';
  if (!/swiftshader/i.test(info.description)) return [gpu];
  return [
    gpu,
    'Without a GPU, Mesa’s lavapipe (24 or newer) is several times faster than SwiftShader:',
    'Debian 12: apt install -t bookworm-backports mesa-vulkan-drivers; Ubuntu 24.04 and newer: apt install mesa-vulkan-drivers.',
  ];
}
