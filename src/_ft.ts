import { finetune, createProgress } from './train/index.ts';
const r = await finetune({ photos: '/work/shared/data/hymenoptera_data', model: 'squeezenet1_1', weights: '/work/shared/data/weights/squeezenet1_1.pth', out: '/tmp/run1', progress: createProgress(), ...JSON.parse(process.argv[2] ?? '{}') });
for (const h of r.history) console.log(h.epoch, h.trainLoss?.toFixed(4), h.validationLoss?.toFixed(4), h.validationAccuracy?.toFixed(3), h.learningRate.toExponential(2), h.seconds.toFixed(2), h.cached);
console.log(r.bestEpoch, r.evaluation?.accuracy, r.seconds, r.frozen.tensors, r.frozen.changedBytes, r.reproduce);
