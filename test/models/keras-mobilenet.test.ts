/** A published Keras network in TF.js format (REGRAFT_DATA or ../shared/data) on real photos. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { init } from '../../src/graph/init.ts';
import { readWeightFile } from '../../src/io/index.ts';
import { keras } from '../../src/models/index.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { tensor } from '../../src/tensor/factory.ts';
import { sharedData } from '../shared-data.ts';

interface Photo {
  crop: string;
  label: number;
  mobilenet_v1_075_top5_probs: [number, string, number][];
}

/** Photos as [N, 3, 224, 224], RGB, 0..255. */
async function load(files: readonly string[]): Promise<Float32Array> {
  const area = 224 * 224;
  const out = new Float32Array(files.length * 3 * area);
  for (const [n, file] of files.entries()) {
    const data = await sharp(file, { ignoreIcc: true }).toColourspace('srgb').removeAlpha().raw().toBuffer();
    for (let c = 0; c < 3; c++) for (let i = 0; i < area; i++) out[(n * 3 + c) * area + i] = data[i * 3 + c]!;
  }
  return out;
}

describe.skipIf(!sharedData)('MobileNet v1 0.75 of shared/data', () => {
  const data = (...path: string[]) => join(sharedData!, ...path);
  const path = () => data('weights', 'mobilenet_v1_0.75_224_tfjs', 'model.json');

  beforeAll(async () => {
    await init();
  });

  test('the reader gives every tensor and the topology', async () => {
    const file = await readWeightFile(path());
    expect(file.format).toBe('TF.js (model.json)');
    expect(file.state.size).toBe(137);
    expect(file.state.get('conv1/kernel')).toMatchObject({ shape: [3, 3, 3, 24], dtype: 'float32' });
    expect([...file.state.values()].reduce((sum, { data }) => sum + data.byteLength, 0)).toBe(10_407_904);
    expect(JSON.parse(file.metadata.model_config!)).toMatchObject({ class_name: 'Model' });
  });

  test('it recognises all 16 photos, probabilities within 1e-3', async () => {
    const photos: Photo[] = JSON.parse(readFileSync(data('photos_expected.json'), 'utf8'));
    const model = (await keras.loadModel(path(), { preprocessing: 'tf' })).eval();
    const images = await load(photos.map(({ crop }) => data('photos224', crop)));
    const size = 3 * 224 * 224;
    for (const [i, photo] of photos.entries()) {
      const x = tensor(images.slice(i * size, (i + 1) * size), [1, 3, 224, 224]);
      const row = await noGrad(() => model.forward(x)).data();
      expect(row.length).toBe(1000);
      expect(row.indexOf(Math.max(...row))).toBe(photo.label);
      for (const [index, , probability] of photo.mobilenet_v1_075_top5_probs)
        expect(Math.abs(row[index]! - probability)).toBeLessThan(1e-3);
    }
  });

  test('layers, shapes and the table are Keras’s', async () => {
    const model = await keras.loadModel(path());
    expect(model.layers.length).toBe(88);
    expect(model.getLayer('conv_dw_2').outputShape).toEqual([null, 56, 56, 48]);
    expect(model.getLayer('conv1').weights.map(({ name, shape }) => [name, shape])).toEqual([
      ['conv1/kernel', [3, 3, 3, 24]],
    ]);
    const lines = model.summary().split('\n');
    expect(lines[0]).toBe('Model: "mobilenet_0.75_224"');
    expect(lines.slice(-3)).toEqual([
      ' Total params: 2,601,976 (9.93 MB)',
      ' Trainable params: 2,585,560 (9.86 MB)',
      ' Non-trainable params: 16,416 (64.12 KB)',
    ]);
  });
});
