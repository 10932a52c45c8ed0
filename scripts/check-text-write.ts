/**
 * Opens folders of networks of texts, saves each again and writes down what it gives, for scripts/check-text-write.py.
 *
 *     npx tsx --conditions=regraft-source scripts/check-text-write.ts OUT FOLDER[:TASK] …
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { init, noGrad, type Tensor, tensor } from '../src/index.ts';
import { type OpenPretrainedOptions, openPretrained, savePretrained } from '../src/models/index.ts';

const [out, ...folders] = process.argv.slice(2);
if (!out || folders.length === 0) throw new Error('Usage: check-text-write.ts OUT FOLDER[:TASK] …');

await init();
await mkdir(out, { recursive: true });
for (const given of folders) {
  const [folder, task] = given.split(':') as [string, OpenPretrainedOptions['task']?];
  const opened = await openPretrained(folder, {
    ...(task && { task }),
    ...(task === 'text-classification' && { labels: ['bad', 'good', 'neither'] }),
    ...{ tokenizer: false as never, seed: 1 },
  });
  const { model, config, architecture, notes } = opened;
  const [batch, time] = [2, 9];
  const ids = Array.from({ length: batch * time }, (_, i) => (i * 37 + 11) % Math.min(config.vocab_size, 100));
  const mask = Array.from({ length: batch * time }, (_, i) => Number(i < time || i < time + 6));
  const outputs = noGrad(() =>
    model.eval().forward({
      input_ids: tensor(Int32Array.from(ids), [batch, time]),
      attention_mask: tensor(Int32Array.from(mask), [batch, time]),
      ...(config.model_type === 't5' && { decoder_input_ids: tensor(Int32Array.from(ids), [batch, time]) }),
    }),
  ) as Record<string, Tensor>;
  const values = await Promise.all(
    Object.entries(outputs).map(async ([name, t]) => [name, { shape: t.shape, data: Array.from(await t.data()) }]),
  );
  const path = join(out, `${basename(folder)}-${architecture}`);
  await savePretrained(path, opened);
  const expected = {
    from: folder,
    architecture,
    ids,
    mask,
    batch,
    time,
    task: task ?? null,
    outputs: Object.fromEntries(values),
  };
  await writeFile(join(path, 'regraft-expected.json'), JSON.stringify(expected));
  console.log(path, notes.join(' '));
}
