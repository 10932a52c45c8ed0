/** The tasks that a run can be of: of each its row, and what programs import of it. */
import { CLASSIFICATION } from './image-classification/image-task.ts';
import { REGRESSION } from './image-regression/image-task.ts';
import { MULTI_LABEL } from './multi-label/image-task.ts';

export * from './image-classification/public.ts';
export * from './image-regression/public.ts';
export * from './multi-label/public.ts';

/** The tasks by name. @internal */
export const TASKS = {
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
