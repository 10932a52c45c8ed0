/** Several ops in one program: what fusion may merge, and gradients that meet. */

import { binaryCrossEntropyWithLogits, focalLoss, huberLoss, l1Loss, sigmoidFocalLoss } from '../../../src/nn/loss.ts';
import { constant, labels, mask, nonzero, positive, someIgnored } from '../inputs.ts';
import { type Row, row as single } from '../row.ts';

const row = (...[op, name, inputs, run, torch, options]: Parameters<typeof single>): Row =>
  single(op, name, inputs, run, torch, { tolerance: 'composed', ...options });

export const chains: Row[] = [
  row('add', 'a tensor to itself', [[3, 5]], (x) => x.add(x), 'lambda x: x + x'),
  row('mul', 'a tensor by itself', [[3, 5]], (x) => x.mul(x), 'lambda x: x * x'),
  row(
    'sub',
    'a chain of scalars',
    [[3, 5]],
    (x) => x.mul(2).sub(1).div(4).neg().add(3),
    'lambda x: -((x * 2 - 1) / 4) + 3',
  ),
  row(
    'mul',
    'a chain that broadcasts midway',
    [[3, 5], [5], [3, 1]],
    (x, y, z) => x.mul(y).sigmoid().mul(z).add(x),
    'lambda x, y, z: (x * y).sigmoid() * z + x',
  ),
  row(
    'exp',
    'one value with three readers',
    [[3, 5]],
    (x) => {
      const y = x.exp();
      return y.mul(y.neg()).add(y.sqrt());
    },
    'lambda x: (lambda y: y * -y + y.sqrt())(x.exp())',
  ),
  row(
    'add',
    'a long chain of 40 ops',
    [[7]],
    (x) => {
      let y = x;
      for (let i = 0; i < 20; i++) y = y.tanh().add(x);
      return y;
    },
    'lambda x: (lambda f: f(f, x, 20))(lambda f, y, n: y if n == 0 else f(f, y.tanh() + x, n - 1))',
  ),
  row(
    'add',
    'twelve operands, more than a binding limit of 8',
    [[5], [5], [5], [5], [5], [5], [5], [5], [5], [5], [5], [5]],
    (...t) => t.slice(1).reduce((sum, u) => sum.add(u), t[0]!),
    'lambda *t: sum(t)',
  ),
  row(
    'sum',
    'of a product along an axis',
    [
      [3, 17],
      [3, 17],
    ],
    (x, y) => x.mul(y).sum(1),
    'lambda x, y: (x * y).sum(1)',
  ),
  row('sum', 'of squares, scaled', [[3, 17]], (x) => x.square().sum().mul(0.5), 'lambda x: x.square().sum() * 0.5'),
  row(
    'mean',
    'subtracted from the input',
    [[3, 17]],
    (x) => x.sub(x.mean(1, { keepdim: true })),
    'lambda x: x - x.mean(1, keepdim=True)',
  ),
  row(
    'variance',
    'layer normalisation',
    [[3, 17], [17], [17]],
    (x, w, b) =>
      x
        .sub(x.mean(-1, { keepdim: true }))
        .mul(x.variance(-1, { keepdim: true, correction: 0 }).add(1e-5).rsqrt())
        .mul(w)
        .add(b),
    'lambda x, w, b: F.layer_norm(x, (17,), w, b)',
  ),
  row(
    'rsqrt',
    'of a root of squares',
    [nonzero([3, 5])],
    (x) => x.square().add(1).rsqrt().mul(x),
    'lambda x: (x.square() + 1).rsqrt() * x',
  ),
  row(
    'div',
    'by a sum of itself',
    [positive([3, 5])],
    (x) => x.div(x.sum(1, { keepdim: true })),
    'lambda x: x / x.sum(1, keepdim=True)',
  ),
  row(
    'softmax',
    'attention',
    [
      [2, 5, 4],
      [2, 6, 4],
      [2, 6, 3],
    ],
    (q, k, v) => q.matmul(k.transpose(1, 2)).mul(0.5).softmax(-1).matmul(v),
    'lambda q, k, v: F.softmax(q @ k.transpose(1, 2) * 0.5, -1) @ v',
  ),
  row(
    'relu',
    'two dense layers',
    [[3, 5], [7, 5], [7], [2, 7], [2]],
    (x, w, b, u, c) => x.matmul(w.transpose(0, 1)).add(b).relu().matmul(u.transpose(0, 1)).add(c),
    'lambda x, w, b, u, c: F.linear(F.relu(F.linear(x, w, b)), u, c)',
    { smooth: false },
  ),
  row(
    'relu',
    'pool, flatten and a dense layer',
    [[2, 3, 7, 6], [5, 3, 3, 3], [4, 45], [4]],
    (x, k, w, b) =>
      x.conv2d(k, null, { padding: 1 }).relu().maxPool2d(2).flatten(1).slice(1, 0, 45).matmul(w.transpose(0, 1)).add(b),
    'lambda x, k, w, b: F.linear(F.max_pool2d(F.relu(F.conv2d(x, k, padding=1)), 2).flatten(1)[:, :45], w, b)',
    { smooth: false },
  ),
  row(
    'sigmoid',
    'binary cross-entropy with logits',
    [{ shape: [5, 7], kind: 'nonzero', scale: 4 }, constant(positive([5, 7]))],
    (x, y) => binaryCrossEntropyWithLogits(x, y),
    'lambda x, y: F.binary_cross_entropy_with_logits(x, y)',
  ),
  row(
    'sigmoid',
    'binary cross-entropy of large logits, a factor a label',
    [{ shape: [17, 3], kind: 'nonzero', scale: 40 }, mask([17, 3]), constant(positive([3]))],
    (x, y, w) => binaryCrossEntropyWithLogits(x, y, { posWeight: w, reduction: 'sum' }),
    "lambda x, y, w: F.binary_cross_entropy_with_logits(x, y, pos_weight=w, reduction='sum')",
  ),
  row(
    'powScalar',
    'focal loss',
    [{ shape: [5, 7], kind: 'uniform', scale: 2 }, labels([5], 7)],
    (x, t) => focalLoss(x, t),
    "lambda x, t: (lambda l: (1 - torch.exp(-l)) ** 2 * l)(F.cross_entropy(x, t, reduction='none')).mean()",
  ),
  row(
    'powScalar',
    'focal loss, a factor a class, some labels ignored',
    [{ shape: [17, 3], kind: 'uniform', scale: 2 }, someIgnored([17], 3), constant(positive([3]))],
    (x, t, w) => focalLoss(x, t, { gamma: 0.5, alpha: w }),
    "lambda x, t, w: (lambda l, v: ((1 - torch.exp(-l)) ** 0.5 * v).sum() / (t != -100).sum())(F.cross_entropy(x, t, reduction='none').clamp(min=1e-12), F.cross_entropy(x, t, weight=w, reduction='none'))",
  ),
  row(
    'powScalar',
    'focal loss of several labels',
    [{ shape: [5, 7], kind: 'nonzero', scale: 3 }, mask([5, 7])],
    (x, y) => sigmoidFocalLoss(x, y, { alpha: 0.25, reduction: 'none' }),
    'lambda x, y: torchvision.ops.sigmoid_focal_loss(x, y)',
  ),
  row(
    'powScalar',
    'focal loss of several labels, soft targets, a factor a label',
    [
      { shape: [17, 3], kind: 'nonzero', scale: 3 },
      { shape: [17, 3], kind: 'positive', scale: 0.4, grad: false },
      constant(positive([3])),
    ],
    (x, y, w) => sigmoidFocalLoss(x, y, { gamma: 1.5, posWeight: w, reduction: 'sum' }),
    "lambda x, y, w: ((x.sigmoid() + y - 2 * y * x.sigmoid()) ** 1.5 * F.binary_cross_entropy_with_logits(x, y, pos_weight=w, reduction='none')).sum()",
  ),
  row(
    'abs',
    'l1 loss',
    [nonzero([5, 3]), constant(nonzero([5, 3]))],
    (x, y) => l1Loss(x, y),
    'lambda x, y: F.l1_loss(x, y)',
    {
      smooth: false,
    },
  ),
  row(
    'abs',
    'huber loss, either side of delta',
    [{ shape: [65, 3], kind: 'nonzero', scale: 2 }, constant(nonzero([65, 3]))],
    (x, y) => huberLoss(x, y, { delta: 0.7, reduction: 'none' }),
    "lambda x, y: F.huber_loss(x, y, delta=0.7, reduction='none')",
    { smooth: false },
  ),
];
