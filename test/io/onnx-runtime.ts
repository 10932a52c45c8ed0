/** ONNX Runtime, out of what the peers' benchmark installs: too large for everybody's `npm ci`. */
import { createRequire } from 'node:module';

/** What the tests use of it. */
interface OnnxRuntime {
  readonly InferenceSession: {
    create(model: string | Uint8Array, options?: { logSeverityLevel: number }): Promise<OnnxSession>;
  };
  readonly Tensor: new (
    type: 'float32' | 'int32' | 'int64',
    data: ArrayLike<number | bigint>,
    shape: readonly number[],
  ) => OnnxTensor;
}

interface OnnxSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Readonly<Record<string, OnnxTensor>>): Promise<Record<string, OnnxTensor>>;
}

interface OnnxTensor {
  readonly data: ArrayLike<number>;
  readonly dims: readonly number[];
}

/** Absent where it is not installed: tests that need it then skip, by name. */
export const onnxRuntime: OnnxRuntime | undefined = load();

export const NEEDS_ONNX_RUNTIME = 'needs npm ci --prefix bench/peers --ignore-scripts';

function load(): OnnxRuntime | undefined {
  const require = createRequire(new URL('../../bench/peers/package.json', import.meta.url));
  try {
    require.resolve('onnxruntime-node');
  } catch {
    return undefined;
  }
  return require('onnxruntime-node');
}
