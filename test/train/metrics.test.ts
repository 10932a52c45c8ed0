/** Classification metrics against values worked out by hand, and against each other on random input. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Generator } from '../../src/core/random.ts';
import { accuracyContext } from '../../src/tasks/image-classification/accuracy-context.ts';
import { EvaluationSum, evaluateLogits } from '../../src/tasks/image-classification/evaluation-sum.ts';
import {
  accuracy,
  argmaxRows,
  classScores,
  commonestShare,
  confusionMatrix,
  crossEntropyRows,
  expectedCalibrationError,
  macroAverage,
  mean,
  softmaxRows,
  topKAccuracy,
  wilsonInterval,
  worstMistakes,
} from '../../src/tasks/image-classification/metrics.ts';
import { thinLosses } from '../../src/train/history.ts';

describe('accuracy', () => {
  test('is the share of equal entries, and null for none', () => {
    expect(accuracy([0, 1, 2, 2], Int32Array.of(0, 1, 1, 2))).toBe(0.75);
    expect(accuracy([], [])).toBeNull();
  });

  test('refuses lists of unequal length', () => {
    expect(() => accuracy([0], [0, 1])).toThrow('accuracy: expected two lists of one length, got 1 and 2.');
  });

  test('top-k counts the label among the k highest; of equals the lower index ranks first', () => {
    const scores = [0.1, 0.5, 0.4, 0.3, 0.3, 0.3];
    expect(topKAccuracy(scores, [2, 1], 3, 1)).toBe(0);
    expect(topKAccuracy(scores, [2, 1], 3, 2)).toBe(1);
    expect(topKAccuracy(scores, [0, 2], 3, 2)).toBe(0);
    expect(topKAccuracy([Number.NaN, 1, 2], [0], 3, 2)).toBe(0);
    expect(topKAccuracy([], [], 3, 2)).toBeNull();
  });

  test('top-1 is the accuracy of argmax, and top-C is 1', () => {
    const rows = fc.array(
      fc.tuple(fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 4, maxLength: 4 }), fc.nat(3)),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(rows, (list) => {
        const scores = list.flatMap(([row]) => row);
        const labels = list.map(([, label]) => label);
        expect(topKAccuracy(scores, labels, 4, 1)).toBe(accuracy(argmaxRows(scores, 4), labels));
        expect(topKAccuracy(scores, labels, 4, 4)).toBe(1);
      }),
    );
  });
});

test('argmax takes the first of equals and passes over NaN', () => {
  expect(argmaxRows([1, 3, 3, Number.NaN, 0, 2, Number.NaN, Number.NaN, Number.NaN], 3)).toEqual([1, 2, 0]);
  expect(() => argmaxRows([1, 2, 3], 2)).toThrow('argmaxRows: 3 scores do not split into rows of 2 classes.');
});

test('softmax and cross-entropy keep their precision at large logits', () => {
  const p = softmaxRows([1000, 1000 + Math.log(3)], 2);
  expect(p[0]).toBeCloseTo(0.25, 12);
  expect(p[1]).toBeCloseTo(0.75, 12);
  expect(crossEntropyRows([1000, 1000 + Math.log(3)], [0], 2)[0]).toBeCloseTo(Math.log(4), 12);
  expect(crossEntropyRows([800, 0], [1], 2)[0]).toBe(800);
});

describe('confusion matrix', () => {
  const labels = [0, 0, 0, 1, 1, 2];
  const predicted = [0, 0, 1, 1, 0, 1];
  const confusion = [
    [2, 1, 0],
    [1, 1, 0],
    [0, 1, 0],
  ];

  test('has the labels in rows and the predictions in columns', () => {
    expect(confusionMatrix(labels, predicted, 3)).toEqual(confusion);
  });

  test('refuses what is not a class', () => {
    const message = 'confusionMatrix: expected classes 0 to 1, got label 0 and prediction 2 at 0.';
    expect(() => confusionMatrix([0], [2], 2)).toThrow(message);
    expect(() => confusionMatrix([-1], [0], 2)).toThrow('got label -1');
    expect(() => confusionMatrix([0.5], [0], 2)).toThrow('got label 0.5');
  });

  test('gives precision, recall, F1 and support; what has nothing to divide by is null', () => {
    expect(classScores(confusion)).toEqual([
      { precision: 2 / 3, recall: 2 / 3, f1: 2 / 3, support: 3 },
      { precision: 1 / 3, recall: 1 / 2, f1: 2 / 5, support: 2 },
      { precision: null, recall: 0, f1: 0, support: 1 },
    ]);
    expect(classScores([[0]])).toEqual([{ precision: null, recall: null, f1: null, support: 0 }]);
  });

  test('macro averages count a class that was never predicted as 0 and leave out one that never occurs', () => {
    const macro = macroAverage([...classScores(confusion), { precision: 0, recall: null, f1: 0, support: 0 }]);
    expect(macro.precision).toBeCloseTo(1 / 3, 12);
    expect(macro.recall).toBeCloseTo((2 / 3 + 1 / 2) / 3, 12);
    expect(macro.f1).toBeCloseTo((2 / 3 + 2 / 5) / 3, 12);
    expect(macroAverage([])).toEqual({ precision: null, recall: null, f1: null });
  });
});

test('the mean of values', () => {
  expect(mean([1, 2, 6])).toBe(3);
  expect(mean([])).toBeNull();
});

test('the calibration error weighs the gap of each bin', () => {
  // Bin (0.8, 0.9]: 0.85 on average, 1 of 2 right. Bin (0.5, 0.6]: 0.6, right.
  expect(expectedCalibrationError([0.9, 0.8000001, 0.6], [true, false, true], 10)).toBeCloseTo((0.7 + 0.4) / 3, 6);
  expect(expectedCalibrationError([1, 1, 0], [true, true, false])).toBe(0);
  expect(expectedCalibrationError([], [])).toBeNull();
});

test('the Wilson interval holds the share and stays within 0 and 1', () => {
  const [low, high] = wilsonInterval(45, 50)!;
  expect(low).toBeCloseTo(0.7864, 4);
  expect(high).toBeCloseTo(0.9565, 4);
  expect(wilsonInterval(0, 5)![0]).toBe(0);
  expect(wilsonInterval(5, 5)![1]).toBe(1);
  expect(wilsonInterval(0, 0)).toBeNull();
});

test('an accuracy is told with its interval and with what the commonest class alone would give', () => {
  const evaluation = evaluateLogits([2, 0, 0, 1, 0, 3, 1, 0], [0, 0, 1, 0], 2);
  expect(accuracyContext(evaluation).map((text) => text.replaceAll('\u00a0', ' '))).toEqual([
    'With 4 images, the 95 % confidence interval is 30.1 % to 95.4 %.',
    'Always answering the commonest class gives 75.0 %.',
  ]);
  expect(accuracyContext(evaluateLogits([], [], 2))).toEqual([]);
  expect(commonestShare([])).toBeNull();
});

describe('worst mistakes', () => {
  const logits = [0, 1, 0, 9, 5, 0, 0, 3, Number.NaN, 0];
  const labels = [0, 0, 0, 1, 0];

  test('are the wrong ones by falling loss, NaN first, at most the limit', () => {
    const list = worstMistakes(logits, labels, 2);
    expect(list.map((m) => m.index)).toEqual([4, 1, 0]);
    expect(list[1]!.loss).toBeCloseTo(9.000123, 5);
    expect(list[1]!.probability).toBeCloseTo(0.999877, 5);
    expect(list[1]).toMatchObject({ label: 0, predicted: 1 });
    expect(worstMistakes(logits, labels, 2, 1)).toHaveLength(1);
  });

  test('are none where all is right', () => {
    expect(worstMistakes([5, 0, 0, 5], [0, 1], 2)).toEqual([]);
  });
});

describe('evaluateLogits', () => {
  test('agrees with the single metrics', () => {
    const logits = [2, 0, 0, 1, 0, 3];
    const labels = [0, 0, 1];
    const evaluation = evaluateLogits(logits, labels, 2);
    expect(evaluation.images).toBe(3);
    expect(evaluation.accuracy).toBeCloseTo(2 / 3, 12);
    expect(evaluation.loss).toBeCloseTo(mean(crossEntropyRows(logits, labels, 2))!, 12);
    expect(evaluation.confusion).toEqual([
      [1, 1],
      [0, 1],
    ]);
    expect(evaluation).not.toHaveProperty('topK');
    expect(JSON.parse(JSON.stringify(evaluation))).toEqual(evaluation);
  });

  test('adds top-5 from ten classes on', () => {
    const logits = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0];
    expect(evaluateLogits(logits, [4], 10).topK).toEqual({ k: 5, accuracy: 1 });
    expect(evaluateLogits(logits, [5], 10).topK).toEqual({ k: 5, accuracy: 0 });
    expect(evaluateLogits(logits.slice(0, 9), [5], 9)).not.toHaveProperty('topK');
  });

  test('refuses labels that do not fit', () => {
    expect(() => evaluateLogits([1, 2], [2], 2)).toThrow('expected labels 0 to 1, got 2 at 0.');
    expect(() => evaluateLogits([1, 2], [0, 1], 2)).toThrow('expected 2 rows of 2 scores for 2 labels, got 2 scores.');
  });

  test('batch by batch gives the same to the last bit', () => {
    const random = new Generator(3);
    const [images, classes] = [103, 12];
    const logits = Float32Array.from({ length: images * classes }, () => random.uniform(-2, 2));
    const labels = Int32Array.from({ length: images }, () => Math.floor(random.uniform(0, classes)));
    const scores = new EvaluationSum(classes);
    for (let at = 0; at < images; at += 32)
      scores.add(logits.subarray(at * classes, (at + 32) * classes), labels.subarray(at, at + 32));
    expect(scores.result()).toEqual(evaluateLogits(logits, labels, classes));
  });

  test('of no images has nulls and no NaN', () => {
    expect(evaluateLogits([], [], 2)).toMatchObject({ images: 0, loss: null, accuracy: null, calibrationError: null });
  });
});

test('thinned losses keep the means, the last step and the limit', () => {
  const losses = Array.from({ length: 1001 }, (_, i) => ({ step: i + 1, epoch: (i + 1) / 100, loss: i }));
  const thin = thinLosses(losses, 100);
  expect(thin.length).toBeLessThanOrEqual(100);
  expect(thin[0]).toEqual({ step: 11, epoch: 0.11, loss: 5 });
  expect(thin.at(-1)!.step).toBe(1001);
  expect(thinLosses(losses.slice(0, 5), 100)).toEqual(losses.slice(0, 5));
  expect(
    thinLosses(
      [
        { step: 1, epoch: 1, loss: Number.NaN },
        { step: 2, epoch: 2, loss: 3 },
      ],
      1,
    )[0]!.loss,
  ).toBe(3);
});
