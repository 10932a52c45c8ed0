/** jax-js on WebGPU. Images are NCHW; every array is owned: an argument is consumed, `.ref` keeps it. */
import { patiently, provideWebGPU } from './navigator.ts';
import { report, runWorkload, sinceStart, uniform } from './peer.ts';

const CLASSES = 10;
/** Planes, blocks, stride of each stage. */
const STAGES = [
  [64, 3, 1],
  [128, 4, 2],
  [256, 6, 2],
  [512, 3, 2],
];

await provideWebGPU();
const jax = await import('@jax-js/jax');
const { blockUntilReady, defaultDevice, init, jit, lax, nn, numpy: np, tree, valueAndGrad } = jax;
const devices = await init('webgpu');
if (!devices.includes('webgpu')) throw new Error(`jax-js found no WebGPU, only ${devices}`);
defaultDevice('webgpu');

const array = (shape, scale = 1) => np.array(uniform(shape.reduce((n, d) => n * d, 1), scale)).reshape(shape);

/** Adds a convolution and its batch norm. */
function putConvolution(all, name, out, channels, kernel) {
  all[`${name}.w`] = array([out, channels, kernel, kernel], Math.sqrt(6 / (channels * kernel * kernel)));
  for (const one of ['scale', 'var']) all[`${name}.${one}`] = np.ones([out]);
  for (const zero of ['shift', 'mean']) all[`${name}.${zero}`] = np.zeros([out]);
}

/** Parameters and statistics by name, each consumed exactly once by a forward pass. */
function parameters(classes) {
  const all = {};
  const put = (...shape) => putConvolution(all, ...shape);
  put('stem', 64, 3, 7);
  let channels = 64;
  STAGES.forEach(([planes, blocks], s) => {
    for (let b = 0; b < blocks; b++) {
      put(`${s}.${b}.1`, planes, channels, 1);
      put(`${s}.${b}.2`, planes, planes, 3);
      put(`${s}.${b}.3`, 4 * planes, planes, 1);
      if (b === 0) put(`${s}.${b}.shortcut`, 4 * planes, channels, 1);
      channels = 4 * planes;
    }
  });
  all['fc.w'] = array([2048, classes], Math.sqrt(3 / 2048));
  all['fc.b'] = np.zeros([classes]);
  return all;
}

const isStatistic = (name) => /\.(mean|var)$/.test(name);
const keep = (arrays) => tree.map((a) => a.ref, arrays);
const pick = (arrays, wanted) => Object.fromEntries(Object.entries(arrays).filter(([name]) => wanted(name)));

/** MobileNet V2: expansion, planes, blocks, stride of each stage. */
const INVERTED = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
];

/** Convolution, batch norm, ReLU. Training keeps no running statistics, which only favours this peer. */
function convolution(p, name, x, kernel, stride, { relu = true, groups = 1, training }) {
  const pad = kernel >> 1;
  const padding = [
    [pad, pad],
    [pad, pad],
  ];
  const y = lax.convGeneralDilated(x, p[`${name}.w`], [stride, stride], padding, { featureGroupCount: groups });
  const shape = [1, y.shape[1], 1, 1];
  const [mean, variance] = training ? moments(y) : [p[`${name}.mean`].reshape(shape), p[`${name}.var`].reshape(shape)];
  const scale = p[`${name}.scale`].reshape(shape).div(np.sqrt(variance.add(1e-5)));
  const shift = p[`${name}.shift`].reshape(shape).sub(mean.mul(scale.ref));
  const z = y.mul(scale).add(shift);
  if (relu === 6) return np.clip(z, 0, 6);
  return relu ? nn.relu(z) : z;
}

function moments(x) {
  const mean = np.mean(x.ref, [0, 2, 3], { keepdims: true });
  const variance = np.mean(np.square(x.ref.sub(mean.ref)), [0, 2, 3], { keepdims: true });
  return [mean, variance];
}

function stages(p, x, from, to, training) {
  let y = x;
  for (let s = from; s < to; s++)
    for (let b = 0; b < STAGES[s][1]; b++) {
      const stride = b ? 1 : STAGES[s][2];
      let branch = convolution(p, `${s}.${b}.1`, y.ref, 1, 1, { training });
      branch = convolution(p, `${s}.${b}.2`, branch, 3, stride, { training });
      branch = convolution(p, `${s}.${b}.3`, branch, 1, 1, { relu: false, training });
      const shortcut = b ? y : convolution(p, `${s}.${b}.shortcut`, y, 1, stride, { relu: false, training });
      y = nn.relu(branch.add(shortcut));
    }
  return y;
}

function stem(p, x, training) {
  const y = convolution(p, 'stem', x, 7, 2, { training });
  // After a ReLU, zeros are neutral.
  const padded = np.pad(y, [
    [0, 0],
    [0, 0],
    [1, 1],
    [1, 1],
  ]);
  return lax.reduceWindow(padded, (window) => np.max(window), [3, 3], [2, 2]);
}

/** Calls `convolve(name, out, channels, kernel, stride, options)` for the convolutions of MobileNet V2, in order; `join` after each block. */
function walkMobilenet(convolve, join) {
  convolve('stem', 32, 3, 3, 2, { relu: 6 });
  let channels = 32;
  INVERTED.forEach(([expansion, planes, blocks, stride], s) => {
    for (let b = 0; b < blocks; b++) {
      const name = `${s}.${b}`;
      const hidden = channels * expansion;
      if (expansion > 1) convolve(`${name}.1`, hidden, channels, 1, 1, { relu: 6, begins: true });
      convolve(`${name}.2`, hidden, 1, 3, b ? 1 : stride, { relu: 6, groups: hidden, begins: expansion === 1 });
      convolve(`${name}.3`, planes, hidden, 1, 1, { relu: false });
      join(b > 0);
      channels = planes;
    }
  });
  convolve('last', 1280, 320, 1, 1, { relu: 6 });
}

function mobilenetParameters(classes) {
  const all = {};
  walkMobilenet(
    (name, out, channels, kernel) => putConvolution(all, name, out, channels, kernel),
    () => {},
  );
  all['fc.w'] = array([1280, classes], Math.sqrt(3 / 1280));
  all['fc.b'] = np.zeros([classes]);
  return all;
}

/** Without dropout, which only favours this peer. */
function mobilenet(p, images, training) {
  let x = images;
  let shortcut;
  walkMobilenet(
    (name, _out, _channels, kernel, stride, { begins, ...options }) => {
      if (begins) {
        shortcut?.dispose();
        shortcut = x.ref;
      }
      x = convolution(p, name, x, kernel, stride, { ...options, training });
    },
    (adds) => {
      if (adds) x = x.add(shortcut);
      else shortcut.dispose();
      shortcut = undefined;
    },
  );
  return head(p, x);
}

const head = (p, x) => np.matmul(np.mean(x, [2, 3]), p['fc.w']).add(p['fc.b']);
const forward = (p, x, training) => head(p, stages(p, stem(p, x, training), 0, 4, training));
const crossEntropy = (logits, labels) => np.mean(np.sum(nn.logSoftmax(logits).mul(labels), -1)).mul(-1);

/** Times `f`. jax-js cancels what is let go unread, so outputs are held until they are there. */
async function measureOp(f, options) {
  const { measure } = await import('./measure.ts');
  const held = [];
  const done = async () => {
    await patiently(() => blockUntilReady(held));
    while (held.length) tree.dispose(held.pop());
  };
  await measure(() => void held.push(f()), done, options);
}

/** Times one jitted function: loss of `lossOf(parameters, x, labels)`, gradients, momentum SGD. */
async function train(start, lossOf, features, batch) {
  const { measure } = await import('./measure.ts');
  const labels = np.array(Float32Array.from({ length: batch * CLASSES }, (_, i) => Number(i % CLASSES === Math.floor(i / CLASSES) % CLASSES)));
  const y = labels.reshape([batch, CLASSES]);
  const step = jit((p, velocity, x, t) => {
    const [loss, gradients] = valueAndGrad(lossOf)(keep(p), x, t);
    const [nextP, nextV] = [{}, {}];
    for (const name of Object.keys(p)) {
      nextV[name] = velocity[name].mul(0.9).add(gradients[name]);
      nextP[name] = p[name].sub(nextV[name].ref.mul(0.01));
    }
    return [nextP, nextV, loss];
  });
  let state = [start, tree.map((a) => np.zerosLike(a.ref), start)];
  await measure(
    async () => {
      const [p, velocity, loss] = step(...state, features(), y.ref);
      state = [p, velocity];
      const [value] = await patiently(() => loss.data());
      if (!Number.isFinite(value)) throw new Error(`the loss is ${value}`);
    },
    () => patiently(() => blockUntilReady(state)),
  );
}

await runWorkload({
  async matmul(n) {
    const [a, b] = [array([n, n]), array([n, n])];
    const product = jit((p, q) => np.matmul(p, q));
    await measureOp(() => product(a.ref, b.ref), { repeat: true });
  },

  async resnet50_fwd(size, batch) {
    const [p, x] = [parameters(1000), array([batch, 3, size, size])];
    const run = jit((q, images) => forward(q, images, false));
    await measureOp(() => run(keep(p), x.ref));
  },

  async mobilenet_v2_fwd(size, batch) {
    const [p, x] = [mobilenetParameters(1000), array([batch, 3, size, size])];
    const run = jit((q, images) => mobilenet(q, images, false));
    await measureOp(() => run(keep(p), x.ref));
  },

  async mobilenet_v2_train(size, batch) {
    const x = array([batch, 3, size, size]);
    const trained = pick(mobilenetParameters(CLASSES), (name) => !isStatistic(name));
    await train(trained, (p, images, t) => crossEntropy(mobilenet(p, images, true), t), () => x.ref, batch);
  },

  async resnet50_cold(size, batch) {
    const [p, x] = [parameters(1000), array([batch, 3, size, size])];
    report({ ready_ms: sinceStart() });
    const run = jit((q, images) => forward(q, images, false));
    await patiently(() => run(p, x).data());
    report({ ms_median: sinceStart() });
  },

  async resnet50_finetune(size, batch) {
    const [all, x] = [parameters(CLASSES), array([batch, 3, size, size])];
    const isTail = (name) => /^(3|fc)\./.test(name);
    const frozen = pick(all, (name) => !isTail(name));
    const trunk = jit((p, images) => stages(p, stem(p, images, false), 0, 3, false));
    const lossOf = (p, features, t) => crossEntropy(head(p, stages(p, features, 3, 4, true)), t);
    const tail = pick(all, (name) => isTail(name) && !isStatistic(name));
    await train(tail, lossOf, () => trunk(keep(frozen), x.ref), batch);
  },

  async resnet50_train(size, batch) {
    const x = array([batch, 3, size, size]);
    const trained = pick(parameters(CLASSES), (name) => !isStatistic(name));
    await train(trained, (p, images, t) => crossEntropy(forward(p, images, true), t), () => x.ref, batch);
  },
});
