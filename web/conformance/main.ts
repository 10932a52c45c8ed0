/** The conformance page: starts the Worker, shows what it finds, saves it. */
import type { DeviceInfo } from '../../src/index.ts';
import { keepVerdict } from '../verdict.ts';
import { byId, download, make } from '../view/dom.ts';
import { hideNotice, showNoGPU, showNotice } from '../view/notice.ts';
import { showAdapter } from './adapter.ts';
import type { Event, Group, Order, Result } from './messages.ts';
import { Run } from './run.ts';
import { percent, Tables } from './tables.ts';

declare const __VERSION__: string;

const button = (id: string) => byId<HTMLButtonElement>(id);
const slow = byId<HTMLInputElement>('slow');
const boxes = [...document.querySelectorAll<HTMLInputElement>('[name=group]')];

let worker = start();
let adapter: DeviceInfo | undefined;
let run: Run | undefined;
let running = false;
let tables: Tables | undefined;

byId('version').textContent = __VERSION__;
button('run').addEventListener('click', begin);
button('stop').addEventListener('click', () => {
  reopen();
  finish('Stopped');
});
button('save').addEventListener('click', () => download(run!.reportFile(__VERSION__)));
for (const box of boxes) box.addEventListener('change', enable);

function start(): Worker {
  const fresh = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  fresh.addEventListener('message', ({ data }: MessageEvent<Event>) => hear(data));
  fresh.addEventListener('error', ({ message }) => closed(message || 'the Worker could not be started.'));
  return fresh;
}

/** A row cannot be interrupted, and some take minutes: a new Worker takes the place of the one that runs it. */
function reopen(): void {
  worker.terminate();
  adapter = undefined;
  worker = start();
}

const chosen = (): Group[] => boxes.filter(({ checked }) => checked).map(({ value }) => value as Group);

function enable(): void {
  button('run').disabled = running || !adapter || chosen().length === 0;
  button('stop').disabled = !running;
  button('save').disabled = running || !run?.results.length;
  for (const box of [...boxes, slow]) box.disabled = running;
}

function hear(event: Event): void {
  if (event.event === 'open') opened(event.adapter);
  else if (event.event === 'closed') closed(event.message);
  else if (event.event === 'planned') {
    run!.planned = event.checks;
    showNext();
    tables = new Tables(event.checks);
  } else if (event.event === 'result') add(event.result);
  else if (event.event === 'broken') {
    reopen();
    showNotice('The run broke off', event.message);
    finish('Broken off');
  } else finish('Done');
}

function opened(info: DeviceInfo): void {
  adapter = info;
  showAdapter(info);
  byId('device').textContent = info.software
    ? `No GPU: ${info.description} does its work on the CPU, slowly.`
    : `GPU: ${info.description}`;
  enable();
}

function closed(message: string): void {
  adapter = undefined;
  running = false;
  showAdapter(undefined);
  byId('device').textContent = 'No WebGPU';
  byId('status').textContent = 'Without WebGPU there is nothing to check.';
  showNoGPU(message);
  enable();
}

function begin(): void {
  hideNotice();
  run = new Run(adapter!);
  running = true;
  tables = undefined;
  byId('failures').hidden = true;
  byId('failure-list').replaceChildren();
  byId('results').hidden = false;
  byId<HTMLProgressElement>('progress').value = 0;
  byId('status').textContent = byId('spoken').textContent = 'Loading what PyTorch gave …';
  showFigures(run!);
  enable();
  worker.postMessage({ groups: chosen(), slow: slow.checked } satisfies Order);
}

function add(result: Result): void {
  run!.add(result);
  tables!.add(result);
  byId<HTMLProgressElement>('progress').value = run!.results.length / run!.planned.length;
  showNext();
  if (!result.pass) showFailure(result);
  showFigures(run!);
}

/** Says which row runs now. */
function showNext(): void {
  const next = run!.planned[run!.results.length];
  if (next) byId('status').textContent = `${next.subject}: ${next.name}`;
}

function showFailure({ subject, name, measurements, error }: Result): void {
  const faults = measurements.flatMap(({ what, fault }) => (fault ? [`${what}: ${fault}.`] : []));
  const text = error ?? (faults.join(' ') || 'nothing was measured.');
  byId('failure-list').append(make('li', {}, make('b', { textContent: `${subject}: ${name}` }), ` ${text}`));
  byId('failures').hidden = false;
}

function showFigures({ passed, failed, worst, seconds }: Run): void {
  const count = (value: number) => value.toLocaleString('en');
  const figures = {
    'Rows that pass': count(passed),
    'Rows that are off': count(failed),
    'Worst share of a tolerance': percent(worst),
    Time: `${Math.floor(seconds)} s`,
  };
  byId('figures').replaceChildren(
    ...Object.entries(figures).map(([name, value]) =>
      make('div', {}, make('dt', { textContent: name }), make('dd', { textContent: value })),
    ),
  );
}

function finish(how: string): void {
  running = false;
  tables?.end();
  const { failed, passed, results, planned } = run!;
  const verdict = failed
    ? `${failed} of ${results.length} rows are off.`
    : passed
      ? `all ${passed} rows that ran pass.`
      : 'no row ran.';
  if (results.length > 0) keepVerdict({ passed, failed, date: new Date().toISOString() });
  const rest = planned.length > results.length ? ` ${planned.length - results.length} did not run.` : '';
  byId('status').textContent = byId('spoken').textContent = `${how}: ${verdict}${rest}`;
  enable();
}
