/** The check that an adapter can hold and bind all operands of a plan, made before anything of the plan. */
import { DeviceError } from '../core/errors.ts';
import { smallerBatch } from '../device/buffer-pool.ts';
import type { Device } from '../device/device.ts';
import type { Step } from '../kernels/kernel.ts';
import { bindingBytes } from './buffers.ts';
import type { Group } from './group.ts';
import type { Lowered } from './lower.ts';

/**
 * @throws DeviceError naming the op with the largest operand, and how many images would fit where that is known; or the op whose operands
 * in parts are more bindings than a kernel may have.
 */
export function checkBindings(device: Device, lowered: readonly Lowered[]): void {
  let worst: { group: Group; bytes: number; slot: boolean } | undefined;
  let most = device.maxBufferBytes;
  const look = (group: Group, bytes: number, slot: boolean) => {
    if (bytes <= most) return;
    worst = { group, bytes, slot };
    most = bytes;
  };
  for (const { group, temps } of lowered) {
    for (const data of [...group.reads, ...group.writes]) look(group, bindingBytes(data.bytes), data.slot);
    for (const bytes of temps) look(group, bindingBytes(bytes), false);
  }
  if (worst) {
    const { group, bytes, slot } = worst;
    device.checkBuffer(group.main.name, bytes, slot ? SMALLER_LAYER : fixOf(group, bytes, device.maxBufferBytes));
  }
  const { maxStorageBuffersPerShaderStage: allowed } = device.gpu.limits;
  for (const { group, steps } of lowered) {
    const bindings = Math.max(...steps.map(bindingsOf));
    if (bindings > allowed)
      throw new DeviceError(
        `${group.main.name}: needs ${bindings} bindings of at most ${device.target.maxBindingBytes.toLocaleString('en-US')} bytes; ` +
          `this adapter allows ${allowed}. Make the layer or the batch smaller, or take another adapter.`,
      );
  }
}

/** The number of storage buffers that a step binds. */
function bindingsOf({ reads, texels = [], writes, fusion }: Step): number {
  const textures = texels.filter((format) => format).length;
  return reads.length - textures + writes.length + (fusion ? fusion.reads.length + fusion.writes.length : 0);
}

/** The advice where a part of the model is too large: no batch size changes that. */
export const SMALLER_LAYER = 'Make the layer smaller, or take another adapter.';

/** The advice where a batch is too large; undefined where the op does not tell how many images it has. */
function fixOf({ main }: Group, bytes: number, allowed: number): string | undefined {
  const apart = main.kind === 'kernel' ? main.samplewise : main.kind === 'elementwise';
  const shape = main.kind === 'elementwise' ? main.shape : main.inputs[0]!.shape;
  if (!apart || shape.length !== 4) return undefined;
  return smallerBatch(shape[0]!, bytes, allowed);
}
