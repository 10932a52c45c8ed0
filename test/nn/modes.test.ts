/** Modes that are entered for a while: every module comes out in the one that it had. */
import { describe, expect, test } from 'vitest';
import { Dropout, Linear, type Module, Sequential } from '../../src/nn/index.ts';
import { enterMode, inMode } from '../../src/nn/modes.ts';

const mixed = () => {
  const model = new Sequential(new Linear(2, 2), new Sequential(new Dropout(0.5)));
  model.at(1)!.train(false);
  return model;
};
const modesOf = (model: Module): boolean[] => model.modules().map(({ training }) => training);

describe('modes', () => {
  test('are those of every module inside, and its own again after', () => {
    const model = mixed();
    const before = modesOf(model);
    expect(inMode(model, false, () => modesOf(model))).toEqual(before.map(() => false));
    expect(modesOf(model)).toEqual(before);
    expect(inMode(model, true, () => modesOf(model))).toEqual(before.map(() => true));
    expect(modesOf(model)).toEqual(before);
    expect(new Set(before).size).toBe(2);
  });

  test('are put back after an error, and by hand', () => {
    const model = mixed();
    const before = modesOf(model);
    const fail = () => {
      throw new Error('no');
    };
    expect(() => inMode(model, false, fail)).toThrow('no');
    expect(modesOf(model)).toEqual(before);
    const leave = enterMode(model, false);
    expect(modesOf(model)).toEqual(before.map(() => false));
    leave();
    expect(modesOf(model)).toEqual(before);
  });
});
