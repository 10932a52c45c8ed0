/** The tables of names side by side: each name of regraft's column exists. */
import { describe, expect, test } from 'vitest';
import * as data from '../../src/data/index.ts';
import * as core from '../../src/index.ts';
import * as io from '../../src/io/index.ts';
import * as models from '../../src/models/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import * as train from '../../src/runs/index.ts';
import { Page } from './markdown.ts';

const entries: readonly Readonly<Record<string, unknown>>[] = [core, data, io, models, nn, optim, train];

await core.init();
const linear = new nn.Linear(1, 1);
const network = await models.keras.ResNet50({});
/** The values that the tables name. */
const values: Readonly<Record<string, object>> = {
  x: core.zeros([1]),
  p: linear.weight,
  model: network,
  layer: network.layers[0]!,
  optimizer: new optim.SGD(linear.parameters(), { lr: 1 }),
};

/** `name`, `new Name(…)`, `value.member`, `Name.member`: whether regraft has it. */
function exists(code: string): boolean {
  const [, name, member] = /^(?:new )?(\w+)(?:\.(\w+))?/.exec(code) ?? [];
  if (!name) return false;
  const holders = values[name] ? [values[name]] : entries.filter((entry) => name in entry).map((entry) => entry[name]);
  return holders.some((holder) => member === undefined || member in (holder as object));
}

const pages = ['from-pytorch', 'from-keras', 'from-tfjs'].map((name) => new Page(`docs/guide/${name}.md`));

describe.each(pages)('$path', (page) => {
  const rows = page.lines.filter((line) => /^\| (?!PyTorch|torchvision|Keras|TF\.js)/.test(line));
  test('has no name that regraft does not have', () => {
    expect(rows.length).toBeGreaterThanOrEqual(14);
    const codes = rows.flatMap((row) => [...row.split('|')[2]!.matchAll(/`([^`]+)`/g)].map(([, code]) => code!));
    expect(codes.filter((code) => !exists(code))).toEqual([]);
  });
  test('explains in each row at least one name of regraft', () => {
    expect(rows.filter((row) => !/`/.test(row.split('|')[2]!))).toEqual([]);
  });
});

test('a name that is not there is noticed', () => {
  expect(['torch', 'x.frobnicate()', 'new Linaer(1)', 'keras.loadModle(path)'].filter(exists)).toEqual([]);
  expect(exists('keras.loadModel(path)')).toBe(true);
});
