/** Every kernel of the library at every specialisation that the op table (in float16 too, where the adapter has it), the optimizers and a network reach. */

import { hasFloat16 } from '../../src/device/adapter.ts';
import { currentDevice } from '../../src/device/current.ts';
import { graphOptions } from '../../src/graph/options.ts';
import { plannedSteps } from '../../src/graph/run.ts';
import { type Tensor, tensor } from '../../src/index.ts';
import type { KernelTarget, Step } from '../../src/kernels/kernel.ts';
import { crossEntropy } from '../../src/nn/index.ts';
import { Adam, AdamW, GradScaler, SGD } from '../../src/optim/index.ts';
import { newTraining } from '../graph/small-net.ts';
import { rows } from '../ops/cases.ts';
import { fill } from '../ops/inputs.ts';
import { inHalf } from '../ops/row.ts';
import { loadAllFamilies } from './load-all.ts';

await loadAllFamilies();

/** The kinds of adapter that kernels choose by. */
export const TARGETS: Readonly<Record<string, KernelTarget>> = Object.fromEntries(
  (
    [
      ['software, subgroups of 8', true, 8],
      ['software, subgroups of 8, texels, immediates', true, 8, true, 64],
      ['software, subgroups of 4', true, 4],
      ['software, no subgroups', true, 0],
      ['GPU, subgroups of 32', false, 32],
      ['GPU, subgroups of 32, immediates', false, 32, false, 64],
      ['GPU, no subgroups', false, 0],
    ] as const
  ).map(([name, software, subgroupSize, texels = false, immediateBytes = 0]) => [
    name,
    {
      software,
      subgroupSize,
      texels,
      immediateBytes,
      maxWorkgroupsPerDimension: 65535,
      maxWorkgroupStorageBytes: 16384,
      maxInvocationsPerWorkgroup: 256,
      adapter: '',
    },
  ]),
);

/** Modules by source, named for the step that first had them. */
export function kernelsFor(target: KernelTarget): Map<string, Step> {
  const kernels = new Map<string, Step>();
  const add = (fn: () => unknown) => {
    for (const fusion of [true, false]) {
      graphOptions.fusion = fusion;
      for (const s of plannedSteps(fn, target)) kernels.set(s.wgsl, kernels.get(s.wgsl) ?? s);
    }
    graphOptions.fusion = true;
  };
  const float16 = hasFloat16(currentDevice().info);
  const single = rows.filter((row) => !row.inputs.some((spec) => spec.half));
  for (const row of float16 ? [...single, ...single.map(inHalf)] : single) {
    const inputs = row.inputs.map((spec) =>
      tensor(fill(spec, 1), spec.shape, { requires_grad: spec.grad !== false, ...(spec.half && { dtype: 'float16' }) }),
    );
    add(() => {
      const y = row.run(...inputs);
      if (y.requires_grad) y.backward(tensor(new Float32Array(y.size), y.shape));
      const results: (Tensor | null)[] = [y, ...inputs.map((x) => x.grad)];
      for (const x of inputs) x.grad = null;
      return results;
    });
  }
  for (const momentum of [0, 0.9]) {
    const { model, images } = newTraining();
    const params = model.parameters();
    const optimizers = [
      new SGD(params, { lr: 0.1, momentum }),
      new SGD(params, { lr: 0.1, momentum, dampening: momentum ? 0.5 : 0 }),
      new Adam(params),
      new AdamW(params),
    ];
    for (const optimizer of optimizers)
      for (const enabled of [false, true])
        add(() => {
          const scaler = new GradScaler({ enabled });
          const loss = crossEntropy(model.forward(images(0)), tensor(Int32Array.of(0, 1, 2, 3)));
          scaler.scale(loss).backward();
          scaler.step(optimizer);
          scaler.update();
          return loss;
        });
  }
  return kernels;
}
