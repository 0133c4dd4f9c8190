/** Where TensorFlow.js keeps the values of a tensor. */
import * as tf from '@tensorflow/tfjs';
import type { BackendName } from './backend.js';

/** The part of a backend of a device with a memory of its own that says where a tensor is. */
interface DeviceBackend {
  /** Values by tensor, where webgpu and tensorflow keep them. */
  readonly tensorMap?: TensorValues;
  /** Values by tensor, where webgl keeps them. */
  readonly texData?: TensorValues;
}

interface TensorValues {
  get(id: object): { readonly values?: unknown } | undefined;
}

/**
 * Whether the values of a tensor are the backend's: false if another backend computed them, or if a backend with a
 * memory of its own (webgpu, webgl, tensorflow) has them on the host, where it computes small tensors if it may. To be
 * asked before values are read, for then they are in both places.
 */
export function isOn(name: BackendName, tensor: tf.Tensor): boolean {
  const owner: unknown = tf.engine().state.tensorInfo.get(tensor.dataId)?.backend;
  if (!owner || owner !== tf.findBackend(name)) return false;
  const { tensorMap, texData } = owner as DeviceBackend;
  return (tensorMap ?? texData)?.get(tensor.dataId)?.values == null;
}
