/** What the page says of the adapter: its names, the optional features, and the limits that decide what fits. */

import { formatBytes } from '../../src/core/format.ts';
import type { DeviceInfo } from '../../src/index.ts';
import { byId, make } from '../view/dom.ts';

const FEATURES = ['shader-f16', 'subgroups', 'timestamp-query'];

const LIMITS: readonly [limit: string, text: string, bytes: boolean][] = [
  ['maxStorageBufferBindingSize', 'Largest binding', true],
  ['maxBufferSize', 'Largest buffer, and tensor', true],
  ['maxComputeWorkgroupStorageSize', 'Memory per workgroup', true],
  ['maxComputeInvocationsPerWorkgroup', 'Invocations per workgroup', false],
  ['maxComputeWorkgroupsPerDimension', 'Workgroups per dimension', false],
  ['maxStorageBuffersPerShaderStage', 'Storage buffers per kernel', false],
];

export function showAdapter(adapter: DeviceInfo | undefined): void {
  byId('adapter').replaceChildren(
    ...facts(adapter).map(([name, value]) =>
      make('div', {}, make('dt', { textContent: name }), make('dd', { textContent: value })),
    ),
  );
}

function facts(adapter: DeviceInfo | undefined): [string, string][] {
  const browser: [string, string] = ['Browser', navigator.userAgent];
  if (!adapter) return [['Adapter', 'none'], browser];
  const { description, vendor, architecture, software, features, limits } = adapter;
  return [
    ['Adapter', software ? `${description} (on the CPU)` : description],
    ['Vendor', `${vendor || 'unnamed'}${architecture && `, ${architecture}`}`],
    ...FEATURES.map((feature): [string, string] => [feature, features.includes(feature) ? 'yes' : 'no']),
    ...LIMITS.map(([limit, text, bytes]): [string, string] => {
      const value = limits[limit]!;
      return [text, bytes ? formatBytes(value) : value.toLocaleString('en')];
    }),
    browser,
  ];
}
