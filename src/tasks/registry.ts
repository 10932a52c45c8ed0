/** The tasks that a run can be of: of each its row, and what programs import of it. */
import { CLASSIFICATION } from './image-classification/image-task.ts';
import { REGRESSION } from './image-regression/image-task.ts';
import type { ImageTask } from './image-task.ts';
import type { TaskName } from './kinds.ts';
import { MULTI_LABEL } from './multi-label/image-task.ts';

export * from './detection/public.ts';
export * from './image-classification/public.ts';
export * from './image-regression/public.ts';
export * from './multi-label/public.ts';
export * from './question-answering/public.ts';
export * from './segmentation/public.ts';
export * from './seq2seq/public.ts';
export * from './text-classification/public.ts';
export * from './token-classification/public.ts';

/** The tasks by name. */
export const TASKS = {
  'image-classification': CLASSIFICATION,
  'multi-label': MULTI_LABEL,
  'image-regression': REGRESSION,
} satisfies Readonly<Record<TaskName, unknown>>;

/** A task by its name. @internal */
export const imageTask = (name: TaskName): ImageTask => TASKS[name];

export { DEFAULT_TASK, TASK_KINDS, type TaskName } from './kinds.ts';

/** What a task's evaluation has. */
export type EvaluationOf<T extends TaskName> = Parameters<(typeof TASKS)[T]['stored']>[0];

/** What a task tells of an image that the model was wrong about. */
export type MistakeOf<T extends TaskName> = ReturnType<(typeof TASKS)[T]['named']>;

/** What a model of a task answers about an image. */
export type AnswerOf<T extends TaskName> = ReturnType<(typeof TASKS)[T]['answer']>;
