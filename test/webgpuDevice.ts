/** The device that TensorFlow.js computes on under webgpu, as it is or as if it had other limits. */
import * as tf from '@tensorflow/tfjs';

export type Device = ReturnType<typeof deviceOf>;
export const deviceOf = () => (tf.backend() as unknown as { readonly device: GPUDevice }).device;

/** Runs with other limits and another width than the device has, of which it can do with less. */
export async function pretending<T>(
  other: { readonly subgroup?: number; readonly workgroupBytes?: number },
  run: () => Promise<T>,
): Promise<T> {
  const device = deviceOf();
  const { limits } = device;
  const overridden = {
    adapterInfo: { subgroupMaxSize: other.subgroup ?? device.adapterInfo.subgroupMaxSize },
    limits: {
      maxComputeWorkgroupStorageSize: other.workgroupBytes ?? limits.maxComputeWorkgroupStorageSize,
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      maxBufferSize: limits.maxBufferSize,
      maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    },
  };
  const own = Object.getOwnPropertyDescriptors(device);
  for (const [name, value] of Object.entries(overridden))
    Object.defineProperty(device, name, { value, configurable: true });
  try {
    return await run();
  } finally {
    for (const name of Object.keys(overridden)) {
      Reflect.deleteProperty(device, name);
      const before = own[name as keyof typeof own];
      if (before) Object.defineProperty(device, name, before);
    }
  }
}
