/** Weights from a URL: one download for the digest and the network. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sha256 } from '../../src/core/digest.ts';
import { init } from '../../src/index.ts';
import { writeWeights } from '../../src/io/index.ts';
import { cifarResnet20, modelEntry } from '../../src/models/index.ts';
import { openWeights, pretrainedClassifier } from '../../src/runs/index.ts';

const asked: string[] = [];
let folder: string;
let file: Buffer;
let address: string;
const server = createServer((request, response) => {
  asked.push(request.url!);
  response.end(file);
});

beforeAll(async () => {
  await init();
  folder = await mkdtemp(join(tmpdir(), 'regraft-test-'));
  const path = join(folder, 'resnet20.safetensors');
  await writeWeights(path, (await cifarResnet20({ seed: 1 })).stateDict());
  file = await readFile(path);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

test('a classifier is made of what was fetched once', async () => {
  const { classes } = await pretrainedClassifier('cifarResnet20', { weights: `${address}/a.safetensors` });
  expect(classes).toHaveLength(10);
  expect(asked).toEqual(['/a.safetensors']);
});

test('the digest is of the bytes that are loaded', async () => {
  asked.length = 0;
  const url = `${address}/b.safetensors`;
  const opened = await openWeights('cifarResnet20', modelEntry('cifarResnet20'), url);
  expect(opened.sha256).toBe(await sha256(file));
  const model = await cifarResnet20({ weights: opened.file });
  await opened.file.close();
  const [loaded, saved] = [model, await cifarResnet20({ seed: 1 })].map((m) => m.parameters()[0]!.data());
  expect(await loaded).toEqual(await saved);
  expect(asked).toEqual(['/b.safetensors']);
});
