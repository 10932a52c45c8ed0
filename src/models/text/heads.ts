/** What heads of several families share. */
import type { Tensor } from '../../tensor/tensor.ts';
import type { AnswerOutputs } from './pretrained-model.ts';

/** [batch, time, 2] as where an answer begins and ends. */
export function answers(logits: Tensor): AnswerOutputs {
  const [batch, time] = logits.shape as [number, number];
  const column = (k: number) => logits.slice(2, k, k + 1).reshape([batch, time]);
  return { start_logits: column(0), end_logits: column(1) };
}
