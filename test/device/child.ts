/**
 * A program that opens the GPU, for tests of what only a whole process shows. Prints one line of JSON. Its argument:
 * `idle` opens a device, computes, and measures the CPU time of one idle second; `confined` opens one without a temporary folder; `list`
 * lists the adapters, `features` those of the adapter.
 */
import { listAdapters, openAdapter } from '#gpu';
import { openDevice } from '../../src/device/device.ts';

const [mode] = process.argv.slice(2);
if (mode === 'confined') process.env.TMPDIR = '/none';
if (mode === 'list') {
  console.log(JSON.stringify(await listAdapters()));
} else if (mode === 'features') {
  const { adapter } = await openAdapter();
  console.log(JSON.stringify([...adapter.features]));
} else {
  const device = await openDevice().catch((error: Error) => {
    console.log(JSON.stringify({ error: `${error.name}: ${error.message}` }));
    return undefined;
  });
  if (device) {
    const buffer = device.pool.acquire(4);
    device.queue.writeBuffer(buffer, 0, new Float32Array([1.5]));
    const [value] = new Float32Array(await device.read(buffer, 0, 4));
    const before = process.cpuUsage();
    if (mode === 'idle') await new Promise((resolve) => setTimeout(resolve, 1000));
    const { user, system } = process.cpuUsage(before);
    const { description, software } = device.info;
    const environment = process.env.VK_DRIVER_FILES ?? '';
    console.log(JSON.stringify({ value, description, software, environment, idleMs: (user + system) / 1000 }));
  }
}
// Nothing is closed here: the process has to end by itself.
