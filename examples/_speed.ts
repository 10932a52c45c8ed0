import { init, randn, tensor, step, noGrad } from 'regraft';
import { SmallResNet } from './quickstart/small-resnet.ts';
import { crossEntropy } from 'regraft/nn';
import { SGD } from 'regraft/optim';
const info = await init();
console.log(info.description);
const model = new SmallResNet(24);
const opt = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
const B = Number(process.argv[2] ?? 64);
const S = Number(process.argv[3] ?? 32);
const x = randn([B, 3, S, S], { seed: 1 });
const y = tensor(Int32Array.from({ length: B }, (_, i) => i % 24), [B]);
for (let i = 0; i < 5; i++) {
  const t = performance.now();
  const loss = step(() => { const l = crossEntropy(model.forward(x), y); l.backward(); opt.step(); opt.zeroGrad(); return l; });
  const v = await loss.item();
  console.log(i, v.toFixed(3), (performance.now() - t).toFixed(0), 'ms', (B / (performance.now() - t) * 1000).toFixed(0), 'img/s');
}
for (let i = 0; i < 3; i++) {
  const t = performance.now();
  const o = noGrad(() => model.forward(x)); await o.data();
  console.log('fwd', (performance.now() - t).toFixed(0), 'ms', (B / (performance.now() - t) * 1000).toFixed(0), 'img/s');
}
