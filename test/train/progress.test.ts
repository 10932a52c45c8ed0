/** The progress display on a stand-in for the terminal and on one for a log; the formats of numbers. */
import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import {
  createProgress,
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  formatValue,
  type ProgressStream,
} from '../../src/runs/terminal-progress.ts';

function sink(isTTY: boolean, columns = 100): { stream: ProgressStream; text: () => string } {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY, columns }) as unknown as ProgressStream, text: () => text };
}

describe('without a terminal', () => {
  test('one line a stretch, without carriage returns or escapes', () => {
    const { stream, text } = sink(false);
    let time = 0;
    const progress = createProgress({ stream, now: () => time });
    progress.start(200, 'Epoch 1/2');
    for (let done = 10; done <= 200; done += 10) {
      time += 100;
      progress.update(done, { loss: 0.41234, accuracy: 0.9125 });
    }
    progress.end();
    progress.note('kept epoch 1');
    time = 10_000;
    progress.start(200, 'Epoch 2/2');
    time += 1000;
    progress.update(50, { loss: 0.3, imagesPerSecond: 48 });
    progress.end();
    progress.end();
    expect(text()).toBe(
      'Epoch 1/2: loss 0.412, accuracy 91.3 %, 100 images/s, 2.00 s\n' +
        'kept epoch 1\n' +
        'Epoch 2/2: 50 of 200 images, loss 0.300, 48 images/s, 1.00 s\n',
    );
  });

  test('counts bytes for a download', () => {
    const { stream, text } = sink(false);
    let time = 0;
    const progress = createProgress({ stream, now: () => time });
    progress.start(102_500_000, 'resnet50.pth', 'bytes');
    time = 4000;
    progress.update(102_500_000);
    progress.end();
    expect(text()).toBe('resnet50.pth: 25.6 MB/s, 4.00 s\n');
  });

  test('control characters of a file name do not get through', () => {
    const { stream, text } = sink(false);
    createProgress({ stream }).note('skipped a\u001b[31mb\r\nc.jpg');
    expect(text()).toBe('skipped a\\u001b[31mb c.jpg\n');
  });
});

describe('on a terminal', () => {
  test('shows bar, loss, accuracy, images/s and time left', () => {
    const { stream, text } = sink(true);
    let time = 0;
    const progress = createProgress({ stream, now: () => time });
    progress.start(200, 'Epoch 1/2');
    time = 500;
    progress.update(50, { loss: 0.5, accuracy: 0.75 });
    progress.note('a note');
    progress.end();
    expect(text()).toContain(
      'Epoch 1/2 ██████░░░░░░░░░░░░░░░░░░  25 %, loss 0.500, accuracy 75.0 %, 100 images/s, 1.50 s left',
    );
    expect(text()).toContain('\r\u001b[2Ka note\n');
    expect(text().endsWith('\n')).toBe(true);
  });

  test('takes the time left of the whole run where it is told', () => {
    const { stream, text } = sink(true);
    const progress = createProgress({ stream });
    progress.start(10, 'Epoch 1/2');
    progress.update(10, { imagesPerSecond: 5, secondsLeft: 125 });
    progress.end();
    expect(text()).toContain('100 %, 5 images/s, 2 min 05 s left');
  });

  test.each([20, 40, 60, 80])('never exceeds %i columns', (columns) => {
    const { stream, text } = sink(true, columns);
    const progress = createProgress({ stream });
    progress.start(200, 'Epoch 10/12');
    progress.update(50, { loss: 0.5, accuracy: 0.75, imagesPerSecond: 1234, secondsLeft: 4000 });
    progress.end();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the terminal's escapes
    for (const line of text().split(/\r|\n|\u001b\[[0-9;?]*[A-Za-z]|\u001b[78]/))
      expect(line.length).toBeLessThan(columns);
  });

  test('leaves no timer and no signal handler behind', () => {
    const listeners = process.listenerCount('SIGINT');
    const progress = createProgress({ stream: sink(true).stream });
    progress.start(10, 'Epoch 1/1');
    expect(process.listenerCount('SIGINT')).toBe(listeners);
    progress.update(3);
    progress.end();
    expect(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length).toBeLessThanOrEqual(1);
    expect(() => progress.update(4)).not.toThrow();
  });
});

describe('formats', () => {
  const plain = (text: string): string => text.replaceAll('\u00a0', ' ');
  test.each<[number | null, string]>([
    [0.4567, '0.46 s'],
    [9.999, '10.0 s'],
    [59.96, '1 min 00 s'],
    [185, '3 min 05 s'],
    [3599.7, '1 h 00 min'],
    [7625, '2 h 07 min'],
    [null, '–'],
    [Number.NaN, '–'],
  ])('duration %s: %s', (value, text) => expect(plain(formatDuration(value))).toBe(text));

  test.each<[number | null, string]>([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [97_800_000, '97.8 MB'],
    [102_500_000, '103 MB'],
    [999_600, '1.0 MB'],
    [null, '–'],
  ])('bytes %s: %s', (value, text) => expect(plain(formatBytes(value))).toBe(text));

  test('counts, whole and compact', () => {
    expect(formatCount(25_557_032)).toBe('25,557,032');
    expect([9_999, 25_557_032, 999_600, 143_667_240].map((n) => plain(formatCount(n, { compact: true })))).toEqual([
      '9,999',
      '25.6 M',
      '1.0 M',
      '144 M',
    ]);
    expect(formatCount(null)).toBe('–');
  });

  test('percentages say 100 and 0 only where they are exact', () => {
    expect([1, 0.9999, 0.5, 0.00001, 0, null].map((share) => plain(formatPercent(share)))).toEqual([
      '100 %',
      '99.9 %',
      '50.0 %',
      '0.1 %',
      '0 %',
      '–',
    ]);
  });

  test('values to about three digits', () => {
    expect([0, 0.41234, 2.3, 123.4, 1.2e-5, 3e7, Number.POSITIVE_INFINITY].map(formatValue)).toEqual([
      '0.000',
      '0.412',
      '2.30',
      '123',
      '1.2e-5',
      '3.0e+7',
      '–',
    ]);
  });
});
