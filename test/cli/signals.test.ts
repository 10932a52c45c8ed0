/** Which signals end the program in its own way. */
import { afterEach, expect, test, vi } from 'vitest';
import { watchSignals } from '../../src/cli/signals.ts';

afterEach(() => vi.restoreAllMocks());

test.each([
  ['in a terminal', true, ['SIGINT', 'SIGTERM', 'SIGHUP']],
  ['without one, as under nohup', false, ['SIGINT', 'SIGTERM']],
])('%s', (_, isTTY, expected) => {
  const heard: [string, () => void][] = [];
  vi.spyOn(process, 'on').mockImplementation((signal, listener) => {
    heard.push([String(signal), listener as () => void]);
    return process;
  });
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
  const emit = vi.spyOn(process, 'emit').mockReturnValue(true as never);
  const before = [process.stdout.isTTY, process.stderr.isTTY] as const;
  [process.stdout.isTTY, process.stderr.isTTY] = [isTTY, false];
  watchSignals();
  [process.stdout.isTTY, process.stderr.isTTY] = before;
  expect(heard.map(([signal]) => signal)).toEqual(expected);
  for (const [, listener] of heard) listener();
  expect(exit.mock.calls).toEqual([[130], [143]]);
  expect(emit.mock.calls).toEqual(isTTY ? [['exit', 129]] : []);
  expect(kill.mock.calls).toEqual(isTTY ? [[process.pid, 'SIGKILL']] : []);
});
