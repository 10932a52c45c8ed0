/** Every op against PyTorch, forward and backward, and its gradient against finite differences: one row, one case. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { currentDevice } from '../../src/device/current.ts';
import { init } from '../../src/index.ts';
import { ops } from '../../src/ops/index.ts';
import { type Check, expectPass, titleOf } from '../measurement.ts';
import { poisonBuffers } from '../poison.ts';
import { rows } from './cases.ts';
import { differenceChecks, type Fixtures, opNames, torchChecks } from './check.ts';

const folder = new URL('../fixtures/ops/', import.meta.url);

function fixturesOf(op: string): Fixtures {
  const file = new URL(`${op}.json`, folder);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

const titles = rows.map(({ op, name }) => `${op}: ${name}`);
const named = (checks: Check[]) => checks.map((check) => [titleOf(check), check] as const);

beforeAll(async () => {
  await init();
  poisonBuffers(currentDevice());
});

describe('the table', () => {
  test('has a row for every registered op', () => {
    const registered = [...ops.keys()];
    const inTable = new Set([...opNames, 'dropout']); // dropout.test.ts
    expect(registered.length).toBeGreaterThan(0);
    expect(registered.filter((name) => !inTable.has(name))).toEqual([]);
  });

  test('names each row once', () => {
    expect(titles.filter((title, i) => titles.indexOf(title) !== i)).toEqual([]);
  });

  test('has no fixture that no row uses', () => {
    const stored = readdirSync(folder).flatMap((file) => {
      const op = file.slice(0, -'.json'.length);
      return Object.keys(fixturesOf(op)).map((name) => `${op}: ${name}`);
    });
    expect(stored.filter((title) => !titles.includes(title))).toEqual([]);
  });
});

describe('matches PyTorch', () => {
  test.each(named(opNames.flatMap((op) => torchChecks(op, fixturesOf(op)))))('%s', async (_, check) => {
    expectPass(await check.measure());
  });
});

describe('matches finite differences', () => {
  test.each(named(opNames.flatMap((op) => differenceChecks(op, fixturesOf(op)))))('%s', async (_, check) => {
    expectPass(await check.measure());
  });
});
