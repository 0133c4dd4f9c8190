/** Compute pipelines of the webgpu kernel, made once for each text and device. */

/** Pipelines by their text, for each device. */
const pipelines = new WeakMap<GPUDevice, Map<string, GPUComputePipeline>>();

/**
 * The pipeline of a text.
 * @param sliced whether workgroups have slices of a buffer
 */
export function pipelineOf(device: GPUDevice, code: string, sliced: boolean): GPUComputePipeline {
  const known = pipelines.get(device) ?? new Map<string, GPUComputePipeline>();
  pipelines.set(device, known);
  let pipeline = known.get(code);
  if (!pipeline) {
    const types: GPUBufferBindingType[] = [
      'uniform',
      'read-only-storage',
      ...new Array<GPUBufferBindingType>(sliced ? 5 : 4).fill('storage'),
    ];
    const group = device.createBindGroupLayout({
      entries: types.map((type, binding) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type },
      })),
    });
    // Errors of the text are heard of as uncaptured errors of the device (src/backend/webgpu.ts).
    pipeline = device.createComputePipeline({
      layout: device.createPipelineLayout({ bindGroupLayouts: [group] }),
      compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
    });
    known.set(code, pipeline);
  }
  return pipeline;
}
