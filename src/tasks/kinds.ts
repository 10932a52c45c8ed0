/** The kinds of tasks: all that is known of them without the code that trains. */
import { ArgumentError } from '../core/errors.ts';
import type { TableKind } from '../data/tables/labelling.ts';
import { CLASSIFICATION_KIND } from './image-classification/kind.ts';
import { REGRESSION_KIND } from './image-regression/kind.ts';
import { MULTI_LABEL_KIND } from './multi-label/kind.ts';
import type { TaskKind } from './task.ts';

/** All of them. */
export const TASK_KINDS = [CLASSIFICATION_KIND, MULTI_LABEL_KIND, REGRESSION_KIND] as const;

/** The name of a task. */
export type TaskName = (typeof TASK_KINDS)[number]['name'];

/** The one of a run, a saved model or a folder where nothing says another. */
export const DEFAULT_TASK = 'image-classification';

/** Their names. */
export const TASK_NAMES: readonly TaskName[] = TASK_KINDS.map(({ name }) => name);

/** The names of all their scores. */
export const SCORE_NAMES: readonly string[] = TASK_KINDS.flatMap(({ scores }) => scores.map(({ name }) => name));

/** Whether there is a task of that name. */
export const isTaskName = (name: unknown): name is TaskName => TASK_NAMES.includes(name as TaskName);

/** A kind by its name. */
export const taskKind = (name: TaskName): TaskKind => TASK_KINDS.find((kind) => kind.name === name)!;

/** The task that learns labels of a kind. */
export const taskOfLabels = (labels: TableKind): TaskName => TASK_KINDS.find((kind) => kind.labels === labels)!.name;

/** @throws ArgumentError for a name that is none. */
export function checkTask(op: string, name: unknown): TaskName {
  if (isTaskName(name)) return name;
  throw new ArgumentError(`${op}: expected task as one of ${TASK_NAMES.join(', ')}, got '${String(name)}'.`);
}
