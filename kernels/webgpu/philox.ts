/**
 * Random numbers drawn on the device: the words of src/numbers/philox.ts to the last bit, and its normal numbers to
 * 1e-6. WGSL's own log, cos and sin may err by more.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor2D } from '@tensorflow/tfjs';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { streamWord, type StreamName, type TrialKey } from '../../src/numbers/philox.js';

const THREADS = 64;

const text = /* wgsl */ `
struct Draw { count: u32, trials: u32, width: u32 }
// Of a trial the seed's low and high word, and those of the counter behind its block.
struct Key { seed: vec2u, stream: u32, rank: u32, trial: u32 }
@group(0) @binding(0) var<uniform> draw: Draw;
@group(0) @binding(1) var<storage, read> keys: array<Key>;
@group(0) @binding(2) var<storage, read_write> drawn: array<u32>;

// The 64-bit product of two words: low and high.
fn product(a: u32, b: u32) -> vec2u {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let carry = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return vec2u(a * b, (a >> 16u) * (b >> 16u) + (middle >> 16u) + (carry >> 16u));
}

fn philox(counter: vec4u, seed: vec2u) -> vec4u {
  var c = counter;
  var key = seed;
  for (var round = 0; round < 10; round++) {
    let p = product(0xd2511f53u, c.x);
    let q = product(0xcd9e8d57u, c.z);
    c = vec4u(q.y ^ c.y ^ key.x, q.x, p.y ^ c.w ^ key.y, p.x);
    key += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

// log of (word + 1/2) / 2^32.
fn logUnit(word: u32) -> f32 {
  var rest = (f32(~word) + 0.5) * ${2 ** -32};
  var exponent = 0.0;
  if (word < 0x80000000u) {
    let parts = frexp(f32(word) + 0.5);
    rest = 1 - parts.fract;
    exponent = f32(parts.exp - 32);
  }
  // log(1 - rest) = -2 artanh(s), rest at most 1/2 and so s at most 1/3.
  let s = rest / (2 - rest);
  let t = s * s;
  let series = 1 + t * (1.0 / 3 + t * (1.0 / 5 + t * (1.0 / 7 + t * (1.0 / 9 + t * (1.0 / 11 + t / 13)))));
  return exponent * ${Math.LN2} - 2 * s * series;
}

// cos and sin of 2 pi (word + 1/2) / 2^32, from the nearest quarter of a turn.
fn turn(word: u32) -> vec2f {
  let quarter = (word + 0x20000000u) >> 30u;
  let x = (f32(i32(word - (quarter << 30u))) + 0.5) * ${2 * Math.PI * 2 ** -32};
  let t = x * x;
  let c = 1 + t * (-1.0 / 2 + t * (1.0 / 24 + t * (-1.0 / 720 + t / 40320)));
  let s = x * (1 + t * (-1.0 / 6 + t * (1.0 / 120 + t * (-1.0 / 5040 + t / 362880))));
  switch quarter & 3u {
    case 0u: { return vec2f(c, s); }
    case 1u: { return vec2f(-s, c); }
    case 2u: { return vec2f(-c, -s); }
    default: { return vec2f(s, -c); }
  }
}

fn boxMuller(words: vec4u) -> vec4f {
  let radii = sqrt(-2 * vec2f(logUnit(words.x), logUnit(words.z)));
  return vec4f(radii.x * turn(words.y), radii.y * turn(words.w));
}

fn write(group: vec3u, thread: u32, normal: bool) {
  let blocks = (draw.count + 3u) / 4u;
  let at = (group.y * draw.width + group.x) * ${THREADS}u + thread;
  let trial = at / blocks;
  if (trial >= draw.trials) { return; }
  let block = at % blocks;
  let key = keys[trial];
  let words = philox(vec4u(block, key.stream, key.rank, key.trial), key.seed);
  let numbers = select(words, bitcast<vec4u>(boxMuller(words)), normal);
  for (var i = 0u; i < min(4u, draw.count - 4u * block); i++) {
    drawn[trial * draw.count + 4u * block + i] = numbers[i];
  }
}

@compute @workgroup_size(${THREADS})
fn words(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  write(group, thread, false);
}

@compute @workgroup_size(${THREADS})
fn normals(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  write(group, thread, true);
}
`;

const pipelines = { words: new WeakMap<GPUDevice, GPUComputePipeline>(), normals: new WeakMap() } as const;

/**
 * `count` numbers of a stream for each trial [trials, count], on the current webgpu backend: words as int32, or
 * standard normal numbers.
 */
export function drawnOnDevice(
  what: keyof typeof pipelines,
  count: number,
  keys: readonly TrialKey[],
  stream: StreamName,
): Tensor2D {
  const backend = tf.backend() as WebGPUBackend;
  const { device, queue } = backend;
  // A buffer may be used again that commands still to be submitted read.
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
  let pipeline = pipelines[what].get(device) as GPUComputePipeline | undefined;
  if (!pipeline) {
    const module = device.createShaderModule({ code: text });
    pipeline = device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: what } });
    pipelines[what].set(device, pipeline);
  }
  const uploaded = (words: Uint32Array<ArrayBuffer>, usage: number): GPUBuffer => {
    const buffer = device.createBuffer({ size: words.byteLength, usage: usage | GPUBufferUsage.COPY_DST });
    queue.writeBuffer(buffer, 0, words);
    return buffer;
  };
  const groups = Math.ceil((keys.length * Math.ceil(count / 4)) / THREADS);
  const width = Math.min(groups, device.limits.maxComputeWorkgroupsPerDimension);
  const call = uploaded(Uint32Array.from([count, keys.length, width]), GPUBufferUsage.UNIFORM);
  const seeds = uploaded(
    Uint32Array.from(
      // As WGSL lays out the struct, six words long.
      keys.flatMap(({ seed, rank, trial, draw }) => [
        ...[seed >>> 0, Math.floor(seed / 2 ** 32)],
        ...[streamWord(stream, draw), rank, trial, 0],
      ]),
    ),
    GPUBufferUsage.STORAGE,
  );
  const info = backend.makeTensorInfo([keys.length, count], what === 'words' ? 'int32' : 'float32');
  backend.uploadToGPU(info.dataId);
  const drawn = backend.tensorMap.get(info.dataId).resource as GPUBuffer;
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [call, seeds, drawn].map((buffer, binding) => ({ binding, resource: { buffer } })),
    }),
  );
  pass.dispatchWorkgroups(width, Math.ceil(groups / width));
  pass.end();
  queue.submit([encoder.finish()]);
  call.destroy();
  seeds.destroy();
  return tf.engine().makeTensorFromTensorInfo(info, backend) as Tensor2D;
}
