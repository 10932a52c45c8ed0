/** The checks of each group, the rows that also run in Node, with their fixtures, which are loaded when they are asked for. */
/// <reference types="vite/types/importMeta.d.ts" />
import type { Check } from '../../test/measurement.ts';
import { isSlow, type LogitsCase, logitsChecks, type TrainingCase, trainingChecks } from '../../test/models/check.ts';
import { autogradChecks } from '../../test/ops/autograd-checks.ts';
import { differenceChecks, type Fixtures, opNames, torchChecks } from '../../test/ops/check.ts';
import { dropoutChecks } from '../../test/ops/dropout-checks.ts';
import type { Group } from './messages.ts';

const opFiles = import.meta.glob<Fixtures>('../../test/fixtures/ops/*.json', { import: 'default' });
const modelFiles = import.meta.glob('../../test/fixtures/models/{logits,training}.json', { import: 'default' });

type ChecksOfOp = (op: string, fixtures: Fixtures) => Check[];

async function ofEveryOp(checks: ChecksOfOp): Promise<Check[]> {
  const load = async (op: string) => checks(op, (await opFiles[`../../test/fixtures/ops/${op}.json`]?.()) ?? {});
  return (await Promise.all(opNames.map(load))).flat();
}

const ofModels = async <T>(file: string, checks: (cases: readonly T[]) => Check[]): Promise<Check[]> =>
  checks((await modelFiles[`../../test/fixtures/models/${file}.json`]!()) as readonly T[]);

const GROUPS: Readonly<Record<Group, () => Promise<readonly Check[]>>> = {
  ops: async () => [...(await ofEveryOp(torchChecks)), ...dropoutChecks],
  differences: () => ofEveryOp(differenceChecks),
  autograd: async () => autogradChecks,
  logits: () => ofModels<LogitsCase>('logits', logitsChecks),
  training: () => ofModels<TrainingCase>('training', trainingChecks),
};

/** @param slow Whether rows that take long without a GPU are among them. */
export async function checksOf(group: Group, slow: boolean): Promise<{ group: Group; check: Check }[]> {
  const checks = await GROUPS[group]();
  return checks.filter((check) => slow || !isSlow(check)).map((check) => ({ group, check }));
}
