/** What a device has done so far: tests and `bench/` assert on these numbers, `report` prints them. */

/** Counts since the device was opened; bytes are of the buffer pool. */
export interface Counters {
  /** GPU buffers created by the pool. */
  buffers: number;
  /** Staging buffers created for reading back. */
  stagingBuffers: number;
  /** Compute pipelines compiled. */
  pipelines: number;
  /** Seconds that making them took, where that is waited for: in Node. */
  compileSeconds: number;
  /** Bind groups built. */
  bindGroups: number;
  /** Kernels dispatched. */
  dispatches: number;
  /** Command buffers submitted. */
  submits: number;
  /** Bytes of pool buffers that somebody holds. */
  bytesInUse: number;
  /** Bytes of all pool buffers, free ones included. */
  bytesHeld: number;
  /** The highest `bytesHeld` so far. */
  peakBytes: number;
}

export function newCounters(): Counters {
  return {
    buffers: 0,
    stagingBuffers: 0,
    pipelines: 0,
    compileSeconds: 0,
    bindGroups: 0,
    dispatches: 0,
    submits: 0,
    bytesInUse: 0,
    bytesHeld: 0,
    peakBytes: 0,
  };
}
