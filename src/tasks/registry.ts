/** The tasks that a run can be of: a line each. */
import { ArgumentError } from '../core/errors.ts';
import type { TableKind } from '../data/tables/labelling.ts';
import { CLASSIFICATION } from './image-classification/image-task.ts';
import { REGRESSION } from './image-regression/image-task.ts';
import type { ImageTask } from './image-task.ts';
import { MULTI_LABEL } from './multi-label/image-task.ts';

const TASKS = {
  'image-classification': CLASSIFICATION,
  'multi-label': MULTI_LABEL,
  'image-regression': REGRESSION,
};

/** The name of a task. */
export type TaskName = keyof typeof TASKS;

/** The one of a run, a saved model or a folder where nothing says another. */
export const DEFAULT_TASK = 'image-classification';

/** What a task's evaluation has. */
export type EvaluationOf<T extends TaskName> = Parameters<(typeof TASKS)[T]['stored']>[0];

/** What a task tells of an image that the model was wrong about. */
export type MistakeOf<T extends TaskName> = ReturnType<(typeof TASKS)[T]['named']>;

/** What a model of a task answers about an image. */
export type AnswerOf<T extends TaskName> = ReturnType<(typeof TASKS)[T]['answer']>;

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
