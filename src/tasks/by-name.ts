/** Tasks by their names, and by the labels that they learn. */
import { ArgumentError } from '../core/errors.ts';
import type { TableKind } from '../data/tables/labelling.ts';
import type { ImageTask } from './image-task.ts';
import { TASKS, type TaskName } from './registry.ts';

/** Their names. */
export const TASK_NAMES = Object.keys(TASKS) as readonly TaskName[];

/** The names of all their scores. */
export const SCORE_NAMES = Object.values(TASKS).flatMap(({ scores }) => scores.map(({ name }) => name));

/** Whether there is a task of that name. */
export const isTaskName = (name: unknown): name is TaskName => typeof name === 'string' && Object.hasOwn(TASKS, name);

/** A task by its name. */
export const imageTask = (name: TaskName): ImageTask => TASKS[name];

/** The task that learns labels of a kind. */
export const taskOfLabels = (kind: TableKind): TaskName => TASK_NAMES.find((name) => TASKS[name].labels === kind)!;

/** @throws ArgumentError for a name that is none. */
export function checkTask(op: string, name: unknown): TaskName {
  if (isTaskName(name)) return name;
  throw new ArgumentError(`${op}: expected task as one of ${TASK_NAMES.join(', ')}, got '${String(name)}'.`);
}
