/** The report: self-contained, escaped, complete, and whole at the ends of its range. */
import { describe, expect, test } from 'vitest';
import { formatPercent } from '../../src/core/format.ts';
import { curveChart, epochTicks, niceAxis } from '../../src/report/chart.ts';
import { escapeHtml, html } from '../../src/report/markup.ts';
import { metricsJSON } from '../../src/runs/metrics-json.ts';
import { renderReport } from '../../src/runs/report.ts';
import type { FinetuneResult } from '../../src/runs/result.ts';
import { confusedPairs } from '../../src/tasks/image-classification/confusion.ts';
import { PIXEL, sampleResult } from './sample-result.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `class ${i}`);
const count = (text: string, part: string | RegExp): number => text.split(part).length - 1;
const plain = (text: string): string => text.replaceAll('\u00a0', ' ').replaceAll('<wbr>', '');
/** The page without its constant style sheet and script. */
const body = (page: string): string =>
  page.replace(/<style>.*?<\/style>/s, '').replace(/<script nonce.*?<\/script>/s, '');
/** No number or name that is missing has been written as one. */
const expectNoHoles = (page: string): void =>
  expect(/.{0,60}(?:NaN|undefined|Infinity).{0,20}/.exec(body(page))).toBeNull();

describe('markup', () => {
  test('escapes every interpolation, joins lists, leaves out what is not there', () => {
    const hostile = `<img src=x onerror="alert('1')">&`;
    expect(html`<b title="${hostile}">${[hostile, html`<i>${1}</i>`]}${null}${false}${undefined}${0}</b>`.text).toBe(
      '<b title="&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;">&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;<i>1</i>0</b>',
    );
  });

  test('control characters become visible', () => {
    expect(escapeHtml('a\u0000b\u001b[31m\n')).toBe('a\ufffdb\ufffd[31m\n');
  });
});

describe('a hostile result', () => {
  const evil = `</script><script>alert("1")</script><img src='https://evil.example/x'>`;
  /** Every string of the result, replaced; the structure kept. */
  const poison = (value: unknown): unknown => {
    if (typeof value === 'string') return evil;
    if (Array.isArray(value)) return value.map(poison);
    if (value !== null && typeof value === 'object')
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, poison(inner)]));
    return value;
  };
  const result = poison(sampleResult({ classes: ['a', 'b', 'c'], comparison: true, margin: 1 })) as FinetuneResult;
  const page = renderReport({
    ...result,
    task: 'image-classification',
    hyperparameters: { [evil]: evil },
    seconds: { total: 1, parts: { [evil]: 1 } },
    model: { ...result.model, weights: { source: evil, sha256: evil } },
  });

  test('brings no tag of its own onto the page, in text or in attributes', () => {
    expect(count(page, /<script\b/)).toBe(1);
    expect(count(page, '</script>')).toBe(1);
    expect(page).not.toMatch(/<img\b/);
    expect(body(page)).toContain('&lt;script&gt;alert(&quot;1&quot;)');
    // Between tags and inside quoted attributes there is no bare quote or bracket left.
    for (const tag of body(page).match(/<[a-z][^>]*>/g)!)
      expect(tag).toMatch(/^<[a-z][a-z0-9]*(?:\s+[a-zA-Z-]+(?:="[^"<>]*")?)*\s*\/?>$/);
  });

  test('a picture that is not carried in the file is not shown', () => {
    expect(page).toContain('no picture');
    const remote = sampleResult({ classes: ['a', 'b'], margin: 1, thumbnail: () => 'https://evil.example/x.png' });
    expect(renderReport(remote)).not.toContain('evil.example');
    const svg = sampleResult({ classes: ['a', 'b'], margin: 1, thumbnail: () => 'data:image/svg+xml;base64,AAAA' });
    expect(renderReport(svg)).not.toContain('svg+xml');
  });
});

describe('the page', () => {
  const classes = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];
  const result = sampleResult({ classes, comparison: true });
  const page = renderReport(result);

  test('loads nothing, and forbids itself to', () => {
    expect(page).toContain(`content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'nonce-`);
    expect(page).not.toMatch(/<link|<iframe|@import|url\(|fetch\(|XMLHttpRequest/);
    for (const [, source] of page.matchAll(/\bsrc="([^"]*)"/g)) expect(source).toMatch(/^data:image\//);
    for (const [, target] of page.matchAll(/\bhref="([^"]*)"/g)) expect(target).toMatch(/^#/);
  });

  test('every link leads somewhere, every id is there once', () => {
    const ids = [...page.matchAll(/\bid="([^"]+)"/g)].map(([, id]) => id!);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, target] of page.matchAll(/(?:href="#|aria-labelledby=")([^"]+)"/g)) expect(ids).toContain(target);
  });

  test('opens and closes the same elements', () => {
    for (const tag of [
      'section',
      'div',
      'table',
      'tr',
      'td',
      'figure',
      'figcaption',
      'ul',
      'ol',
      'li',
      'dl',
      'span',
      'b',
      'i',
      'bdi',
    ])
      expect([tag, count(body(page), new RegExp(`<${tag}\\b`))]).toEqual([tag, count(body(page), `</${tag}>`)]);
  });

  test('says the accuracy, how it was reached and what it beats', () => {
    const text = plain(page);
    const [rate, other] = [result.evaluation!.accuracy, result.comparisons![0]!.score].map((share) =>
      plain(formatPercent(share)),
    );
    expect(text).toContain(`<title>${rate}: resnet50 on photos/flowers</title>`);
    expect(text).toContain(`<b>${rate}</b> of 400 validation images classified correctly`);
    expect(text).toContain(
      'were fine-tuned for 12 epochs on 1,600 images of 10 classes: head (3 epochs), then layer4 and head (9 epochs)',
    );
    expect(text).toContain('the 95 % confidence interval is');
    expect(text).toContain(`The same network <b>from scratch</b> reached <b>${other}</b> in 12 epochs.`);
  });

  test('has no row that does not apply', () => {
    const page = plain(renderReport({ ...sampleResult({ classes: names(6) }), peakGpuBytes: null }));
    expect(page).not.toContain('peak GPU memory');
    expect(page).not.toContain('top-5');
    expect(body(page)).not.toContain('–</dd>');
    expect(body(page)).not.toContain('>weights<');
  });

  test('tells what an epoch took with its validation, and names the rest of the time', () => {
    const sample = sampleResult({ classes: names(3), epochs: [2] });
    const history = sample.history.map((record) => ({ ...record, seconds: 0.9, validationSeconds: 11.1 }));
    const seconds = { total: 30, parts: { training: 1.8, validation: 22.2 }, compiling: 4 };
    const text = plain(renderReport({ ...sample, history, seconds }));
    expect(text).toContain('<dd>12.0 s<small>median; 11.1 s of it validation</small></dd>');
    expect(text).toContain('<tr><th scope="row">everything else</th><td class="number">6.00 s</td>');
    expect(text).toContain('Compiling shaders took 4.00 s of it, most of that in the first epoch.');
  });

  test('says which epoch was better where the kept one is not the best in the curves', () => {
    const sample = sampleResult({ classes: names(3), epochs: [3] });
    const history = sample.history.map((r, i) => ({ ...r, validationAccuracy: [0.91, 0.944, 0.922][i]! }));
    expect(plain(renderReport({ ...sample, history, bestEpoch: 3 }))).toContain(
      '<li>Epoch 3, the last, was kept; epoch 2 had 94.4 %.</li>',
    );
    expect(renderReport({ ...sample, history, bestEpoch: 2 })).not.toContain('was kept;');
  });

  test('explains a word where it is first met, to a keyboard too', () => {
    for (const word of [
      'parameters',
      'frozen',
      'loss',
      'calibration error',
      'F1',
      'trunk',
      'adapter',
      'digest',
      'epoch',
    ])
      expect(page).toMatch(new RegExp(`tabindex="0" role="note" aria-label="${word}: [A-Z][^"]+"[^>]*>${word}</span>`));
  });

  test('holds every part', () => {
    for (const part of [
      ...result.worstMistakes.map((mistake) => mistake.path),
      ...result.data.skipped.map((file) => file.path),
      result.frozen.digestBefore,
      'The part of the network that was to stay as it is did: its 268\u00a0tensors (',
      ') are the same, byte for byte.',
      result.adapter.description,
      'weight decay',
      'filling the trunk cache',
      escapeHtml(result.reproduce),
      escapeHtml(result.command),
      result.model.weights!.sha256,
    ])
      expect(page.replace(/<\/?(?:wbr|bdi|span)>/g, '')).toContain(part);
    for (const count of result.evaluation!.confusion.flat().filter(Boolean)) expect(page).toContain(`>${count}</td>`);
    expect(count(page, `<img src="${PIXEL}" alt="`)).toBe(result.worstMistakes.length);
  });

  test('every table has a caption, every picture a text, one matrix cell is in the tab order', () => {
    expect(count(page, '<table')).toBe(count(page, '<caption>'));
    expect(count(page, '<img')).toBe(count(page, /<img src="[^"]+" alt="[^"]+"/));
    const matrix = page.slice(page.indexOf('id="confusion"'), page.indexOf('id="readout"'));
    expect(count(matrix, '<td')).toBe(100);
    expect(count(matrix, 'tabindex="0"')).toBe(1);
  });
});

describe('at the ends of its range', () => {
  test.each([2, 60, 100])('%i classes', (n) => {
    const page = renderReport(sampleResult({ classes: names(n), validationImages: 5 }));
    const matrix = page.slice(page.indexOf('id="confusion"'), page.indexOf('id="readout"'));
    expect(count(matrix, '<td')).toBe(n * n);
    expect(page.length).toBeLessThan(700_000);
    expectNoHoles(page);
  });

  test('1,000 classes: what is weakest and mixed up most, all classes on demand, no matrix', () => {
    const result = sampleResult({ classes: names(1000), validationImages: 2 });
    const page = renderReport(result);
    expect(page.length).toBeLessThan(1_000_000);
    expect(count(page, /<[a-z]/)).toBeLessThan(20_000);
    expect(page).not.toContain('id="confusion"');
    expect(count(page, '<li>')).toBeGreaterThan(30);
    expect(page).toContain('<summary>All 1,000 classes</summary>');
    for (const { label } of confusedPairs(result.evaluation!.confusion).slice(0, 30))
      expect(page).toContain(`<li><bdi>class ${label}</bdi> taken for <bdi>`);
    expectNoHoles(page);

    const metrics = metricsJSON(result);
    expect(metrics.length).toBeLessThan(1_000_000);
    const again = JSON.parse(metrics) as FinetuneResult;
    const dense = again.evaluation!.confusion.map((row) => names(1000).map((_, predicted) => row[predicted] ?? 0));
    expect(JSON.stringify(dense)).toBe(JSON.stringify(result.evaluation!.confusion));
    const main = (of: FinetuneResult) => body(renderReport(of)).replace(/^.*<main>/s, '');
    expect(main(again) === main({ ...result, worstMistakes: again.worstMistakes })).toBe(true);
  });

  test('10,000 classes and as many skipped files stay below 1 MB', () => {
    const sample = sampleResult({ classes: names(2) });
    const skipped = Array.from({ length: 10_000 }, (_, i) => ({ path: `notes/${i}.txt`, reason: 'no image' }));
    const perClass = names(10_000).map(() => ({ precision: 1, recall: 1, f1: 1, support: 1 }));
    const confusion = perClass.map((_, c) => ({ [c]: 1 }));
    const evaluation = { ...sample.evaluation!, perClass, confusion: confusion as unknown as number[][] };
    const page = renderReport({ ...sample, evaluation, data: { ...sample.data, classes: names(10_000), skipped } });
    expect(page.length).toBeLessThan(1_000_000);
    expect(page).toContain('All 10,000 classes are in <code>metrics.json</code>');
    expect(page).toContain('The other 9,800 are in <code>metrics.json</code>');
  });

  test('200 epochs', () => {
    const page = renderReport(sampleResult({ classes: names(3), epochs: [200] }));
    expect(count(page, 'class="plot"')).toBe(2);
    expectNoHoles(page);
  });

  test('one epoch makes no curve: its numbers are in sight', () => {
    const page = renderReport(sampleResult({ classes: names(3), epochs: [1] }));
    expect(page).toContain('The one epoch');
    expect(count(page, 'class="plot"')).toBe(0);
    expect(page).not.toContain('All epochs as a table');
    expect(page).toContain('<caption>Epoch by epoch</caption>');
    expectNoHoles(page);
  });

  test('names of a path keep their order when one is written from right to left', () => {
    const sample = sampleResult({ classes: names(2) });
    const skipped = [{ path: 'בית/7.png', reason: 'no image' }];
    const page = renderReport({ ...sample, data: { ...sample.data, skipped } });
    expect(page).toContain('<bdi>בית</bdi>/<wbr><bdi>7.png</bdi>');
  });

  test('a command breaks at no option’s hyphens', () => {
    const sample = sampleResult({ classes: names(2) });
    const page = renderReport({ ...sample, reproduce: "regraft finetune 'a --b' --head-epochs 3 --lr 1e-3" });
    expect(page).toContain('finetune &#39;a <span>--b</span>&#39; <span>--head-epochs</span> 3 <span>--lr</span> 1e-3');
  });

  test('a comparison far above the run is cut, and says so', () => {
    const sample = sampleResult({ classes: names(3), epochs: [4] });
    const history = sample.history.map((record) => ({ ...record, validationLoss: 80 }));
    const page = renderReport({ ...sample, comparisons: [{ name: 'from scratch', history, score: 0.3 }] });
    expect(page).toContain('from scratch, validation (cut at the top)');
    const [top] = /(?<=class="y" style="top:0%">)[\d.]+(?=<)/.exec(page.slice(page.indexOf('Loss by epoch'))) ?? [];
    const largest = Math.max(...sample.history.flatMap((r) => [r.trainLoss!, r.validationLoss!]));
    expect(Number(top)).toBeLessThan(5 * largest);
  });

  test('no validation images: the training accuracy, and what it is worth', () => {
    const page = renderReport({ ...sampleResult({ classes: names(2), validationImages: 0 }), worstMistakes: [] });
    expect(page).toContain('training images classified correctly');
    expect(page).toContain('No images were held out');
    expect(page).not.toContain('id="confusion"');
    expectNoHoles(page);
  });

  test('no mistakes', () => {
    const page = renderReport(sampleResult({ classes: names(3), margin: 60 }));
    expect(page).toContain('None: every validation image was classified correctly.');
  });

  test('a diverged run, as metrics.json gives it back, and one without an epoch', () => {
    const sample = sampleResult({ classes: names(2) });
    const history = sample.history.map((record) => ({ ...record, trainLoss: Number.NaN, validationLoss: Number.NaN }));
    const diverged = JSON.parse(JSON.stringify({ ...sample, history })) as FinetuneResult;
    expect(renderReport(diverged)).toContain('Nothing was measured.');
    expect(renderReport({ ...sample, history })).toContain('Nothing was measured.');
    expectNoHoles(renderReport({ ...sample, history: [], stepLosses: [], phases: [] }));
  });

  test('changed frozen bytes are told as a fault', () => {
    const sample = sampleResult({ classes: names(2) });
    const page = plain(renderReport({ ...sample, frozen: { ...sample.frozen, changedBytes: 12 } }));
    expect(page).toContain('The part of the network that was to stay as it is did not: of its 268 tensors (');
    expect(page).toContain('), 12 bytes were changed.');
    expect(page).toContain('must never happen');
  });

  test('nothing frozen, random weights, nothing skipped', () => {
    const sample = sampleResult({ classes: names(2) });
    const page = renderReport({
      ...sample,
      model: { ...sample.model, weights: null },
      frozen: { ...sample.frozen, tensors: 0 },
      data: { ...sample.data, skipped: [] },
    });
    expect(page).toContain('Nothing was frozen');
    expect(page).toContain('From random weights');
    expect(page).not.toContain('Skipped files');
  });
});

describe('axes', () => {
  test('marks are round and hold the values', () => {
    expect(niceAxis(0.1, 0.94, 1).ticks).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(niceAxis(0.9, 0.97, 1)).toEqual({ low: 0.9, high: 0.98, ticks: [0.9, 0.92, 0.94, 0.96, 0.98] });
    expect(niceAxis(3, 3)).toMatchObject({ low: 3 });
    expect(niceAxis(0, 0).high).toBeGreaterThan(0);
  });

  test.each<[number, number[]]>([
    [1, [1]],
    [5, [1, 2, 3, 4, 5]],
    [12, [2, 4, 6, 8, 10, 12]],
    [200, [50, 100, 150, 200]],
  ])('%i epochs are marked at %j', (epochs, ticks) => expect(epochTicks(epochs)).toEqual(ticks));
});

test('a run of 130,000 epochs is drawn', () => {
  const values = new Array<number>(130_000).fill(0.5);
  const format = String;
  const series = [{ name: 'training', style: 'train' as const, values }];
  const { text } = curveChart({ title: 'Loss', series, phases: [], keptEpoch: 1, format, formatTick: format });
  expect(text).toContain('data-epochs="130000"');
});
