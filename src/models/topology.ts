/** Networks by a name of the registry, or by the topology that a model out of a file brings along. */
import type { ModelEntry } from './define.ts';
import { kerasEntry, kerasTopology } from './keras/entry.ts';
import { KerasModel } from './keras/model.ts';
import { onnxEntry } from './onnx/entry.ts';
import { OnnxModel } from './onnx/model.ts';
import { isOnnxTopology } from './onnx/topology.ts';
import { networkEntry } from './registry.ts';

/** A network by its name, or by its topology where it has one of its own: Keras's JSON, or an ONNX graph as JSON. */
export interface NetworkDescription {
  readonly model: string;
  readonly topology?: unknown;
}

/**
 * The entry of a network.
 * @throws ArgumentError for a name that is none, or a topology that cannot be built.
 */
export async function entryOf({ model, topology }: NetworkDescription): Promise<ModelEntry> {
  if (topology == null) return networkEntry(model);
  return isOnnxTopology(topology) ? onnxEntry(topology, model) : kerasEntry(topology);
}

/**
 * The topology of a model out of a file as it is now, layers that were replaced included; undefined for any other.
 * @throws ArgumentError for an ONNX graph whose other layers than the head were replaced.
 */
export function topologyOf(model: unknown): unknown {
  if (model instanceof OnnxModel) return model.topology();
  return model instanceof KerasModel ? kerasTopology(model) : undefined;
}
