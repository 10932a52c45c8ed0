/** TensorFlow.js on WebGPU. Images are NHWC; networks are built as tf.layers models, their weights random. */
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

await provideWebGPU();
const tf = await import('@tensorflow/tfjs-core');
// tf.layers also registers the gradients; the backend looks for WebGPU as it is loaded.
const { input, layers, model: modelOf } = await import('@tensorflow/tfjs-layers');
await import('@tensorflow/tfjs-backend-webgpu');
await tf.setBackend('webgpu');
await tf.ready();
tf.enableProdMode();

/** tfjs gathers dispatches: submits what is pending, then waits for the queue. */
async function done() {
  const backend = tf.backend();
  if (backend.commandEncoder) {
    backend.endComputePassEncoder();
    backend.submitQueue();
  }
  await patiently(() => backend.queue.onSubmittedWorkDone());
}

const tensor = (shape) => tf.tensor(uniform(shape.reduce((n, d) => n * d, 1)), shape);

function convolution(x, filters, kernelSize, strides, { relu = true, trainable }) {
  const options = { filters, kernelSize, strides, useBias: false, trainable, kernelInitializer: 'heUniform' };
  const padded = kernelSize === 7 ? layers.zeroPadding2d({ padding: 3 }).apply(x) : x;
  const y = layers.conv2d({ ...options, padding: kernelSize === 7 ? 'valid' : 'same' }).apply(padded);
  const z = layers.batchNormalization({ epsilon: 1e-5, momentum: 0.9, trainable }).apply(y);
  return relu ? layers.activation({ activation: 'relu' }).apply(z) : z;
}

function stem(x, trainable) {
  const y = convolution(x, 64, 7, 2, { trainable });
  return layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }).apply(y);
}

function stage(x, [planes, blocks, stride], trainable) {
  let y = x;
  for (let block = 0; block < blocks; block++) {
    const step = block ? 1 : stride;
    let branch = convolution(y, planes, 1, 1, { trainable });
    branch = convolution(branch, planes, 3, step, { trainable });
    branch = convolution(branch, 4 * planes, 1, 1, { relu: false, trainable });
    const shortcut = block ? y : convolution(y, 4 * planes, 1, step, { relu: false, trainable });
    y = layers.activation({ activation: 'relu' }).apply(layers.add().apply([branch, shortcut]));
  }
  return y;
}

function head(x, units) {
  const pooled = layers.globalAveragePooling2d({ dataFormat: 'channelsLast' }).apply(x);
  return layers.dense({ units }).apply(pooled);
}

function resnet50(size, classes) {
  const inputs = input({ shape: [size, size, 3] });
  const features = STAGES.reduce((x, s) => stage(x, s, true), stem(inputs, true));
  return modelOf({ inputs, outputs: head(features, classes) });
}

function normalized(x, relu6 = true) {
  const y = layers.batchNormalization({ epsilon: 1e-5, momentum: 0.9 }).apply(x);
  return relu6 ? layers.reLU({ maxValue: 6 }).apply(y) : y;
}

function pointwise(x, filters, relu6) {
  return normalized(layers.conv2d({ filters, kernelSize: 1, useBias: false, kernelInitializer: 'heUniform' }).apply(x), relu6);
}

function inverted(x, expansion, planes, strides) {
  const expanded = expansion > 1 ? pointwise(x, x.shape[3] * expansion) : x;
  const options = { kernelSize: 3, strides, padding: 'same', useBias: false, depthwiseInitializer: 'heUniform' };
  const y = pointwise(normalized(layers.depthwiseConv2d(options).apply(expanded)), planes, false);
  return strides === 1 && x.shape[3] === planes ? layers.add().apply([x, y]) : y;
}

/** Without dropout, which only favours this peer. */
function mobilenetV2(size, classes) {
  const inputs = input({ shape: [size, size, 3] });
  const options = { filters: 32, kernelSize: 3, strides: 2, padding: 'same', useBias: false, kernelInitializer: 'heUniform' };
  let y = normalized(layers.conv2d(options).apply(inputs));
  for (const [expansion, planes, blocks, stride] of INVERTED)
    for (let block = 0; block < blocks; block++) y = inverted(y, expansion, planes, block ? 1 : stride);
  return modelOf({ inputs, outputs: head(pointwise(y, 1280), classes) });
}

/** The frozen part (stem to stage 3, batch norms in inference mode) and the trained one (stage 4, head), as two models. */
function split(size) {
  const inputs = input({ shape: [size, size, 3] });
  const features = STAGES.slice(0, 3).reduce((x, s) => stage(x, s, false), stem(inputs, false));
  const trunk = modelOf({ inputs, outputs: features });
  const tailInputs = input({ shape: features.shape.slice(1) });
  const tail = modelOf({ inputs: tailInputs, outputs: head(stage(tailInputs, STAGES[3], true), CLASSES) });
  return { trunk, tail };
}

/** Times `trainOnBatch` on what `features` gives, with momentum SGD. */
async function train(model, features, batch) {
  const { measure } = await import('./measure.ts');
  const classes = Array.from({ length: batch }, (_, i) => i % CLASSES);
  const labels = tf.cast(tf.oneHot(tf.tensor1d(classes, 'int32'), CLASSES), 'float32');
  const loss = (truth, logits) => tf.losses.softmaxCrossEntropy(truth, logits);
  model.compile({ optimizer: tf.train.momentum(0.01, 0.9), loss });
  await measure(async () => {
    const value = await patiently(() => model.trainOnBatch(features(), labels));
    if (!Number.isFinite(value)) throw new Error(`the loss is ${value}`);
  }, done);
}

await runWorkload({
  async matmul(n) {
    const { measure } = await import('./measure.ts');
    const [a, b] = [tensor([n, n]), tensor([n, n])];
    await measure(() => tf.dispose(tf.matMul(a, b)), done, { repeat: true });
  },

  async resnet50_fwd(size, batchSize) {
    const { measure } = await import('./measure.ts');
    const [model, x] = [resnet50(size, 1000), tensor([batchSize, size, size, 3])];
    await measure(() => tf.dispose(tf.tidy(() => model.predict(x, { batchSize }))), done);
  },

  async mobilenet_v2_fwd(size, batchSize) {
    const { measure } = await import('./measure.ts');
    const [model, x] = [mobilenetV2(size, 1000), tensor([batchSize, size, size, 3])];
    await measure(() => tf.dispose(tf.tidy(() => model.predict(x, { batchSize }))), done);
  },

  async mobilenet_v2_train(size, batch) {
    const x = tensor([batch, size, size, 3]);
    await train(mobilenetV2(size, CLASSES), () => x, batch);
  },

  async resnet50_cold(size, batchSize) {
    const [model, x] = [resnet50(size, 1000), tensor([batchSize, size, size, 3])];
    report({ ready_ms: sinceStart() });
    await patiently(() => model.predict(x, { batchSize }).data());
    report({ ms_median: sinceStart() });
  },

  async resnet50_finetune(size, batchSize) {
    const { trunk, tail } = split(size);
    const x = tensor([batchSize, size, size, 3]);
    let features;
    const next = () => {
      features?.dispose();
      features = trunk.predict(x, { batchSize });
      return features;
    };
    await train(tail, next, batchSize);
  },

  async resnet50_train(size, batch) {
    const x = tensor([batch, size, size, 3]);
    await train(resnet50(size, CLASSES), () => x, batch);
  },
});
