/** Dropout inside of an encoder, which leaves alone what nothing trainable made: a frozen layer computes as in evaluation, once for all epochs. */
import { Dropout } from '../../nn/index.ts';
import { isGradEnabled } from '../../tensor/autograd.ts';
import type { Tensor } from '../../tensor/tensor.ts';

export class EncoderDropout extends Dropout {
  /** The probability for what is computed from `x`. */
  rateFor(x: Tensor): number {
    const isFrozen = isGradEnabled() && !x.requires_grad;
    return this.training && !isFrozen ? this.p : 0;
  }

  override forward(x: Tensor): Tensor {
    return this.rateFor(x) === 0 ? x : super.forward(x);
  }

  override get typeName(): string {
    return 'Dropout';
  }
}
