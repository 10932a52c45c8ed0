/** The rows that hold on every adapter, by group, with their fixtures read from disk; the conformance page runs the same. */
import { readFileSync } from 'node:fs';
import type { Group } from '../web/conformance/messages.ts';
import type { Check } from './measurement.ts';
import { isSlow, logitsChecks, trainingChecks } from './models/check.ts';
import { autogradChecks } from './ops/autograd-checks.ts';
import { differenceChecks, type Fixtures, opNames, torchChecks } from './ops/check.ts';
import { dropoutChecks } from './ops/dropout-checks.ts';

const fixture = (path: string) => JSON.parse(readFileSync(new URL(`fixtures/${path}.json`, import.meta.url), 'utf8'));

const ofEveryOp = (checks: (op: string, fixtures: Fixtures) => Check[]) =>
  opNames.flatMap((op) => checks(op, fixture(`ops/${op}`)));

export const checksByGroup: Readonly<Record<Group, readonly Check[]>> = {
  ops: [...ofEveryOp(torchChecks), ...dropoutChecks],
  differences: ofEveryOp(differenceChecks),
  autograd: autogradChecks,
  logits: logitsChecks(fixture('models/logits')),
  training: trainingChecks(fixture('models/training')),
};

/** A group's rows but those that take long; with REGRAFT_SLOW=1 all. */
export const quickOf = (group: Group): readonly Check[] =>
  checksByGroup[group].filter((check) => !isSlow(check) || process.env.REGRAFT_SLOW);

export const GROUPS = Object.keys(checksByGroup) as Group[];
