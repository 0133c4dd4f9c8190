/** WebGL: TensorFlow.js's own backend for browsers, on any GPU that renders float32 textures. */
import * as tf from '@tensorflow/tfjs';
import { inNode } from '../host/platform.js';
import { isSoftware, Unavailable, type Opened } from './backend.js';
import { chunkElementsFor } from './memory.js';

/** What is used of TensorFlow.js's webgl backend (backend_webgl.ts there). */
interface WebglBackend {
  readonly gpgpu: { readonly gl: Gl; createAndWaitForFence(): Promise<void> };
}

/** The part of WebGLRenderingContext that is used here. */
interface Gl {
  readonly canvas: EventTarget;
  readonly RENDERER: number;
  readonly MAX_TEXTURE_SIZE: number;
  readonly NO_ERROR: number;
  readonly OUT_OF_MEMORY: number;
  getExtension(name: 'WEBGL_debug_renderer_info'): { readonly UNMASKED_RENDERER_WEBGL: number } | null;
  getParameter(name: number): unknown;
  getError(): number;
  isContextLost(): boolean;
}

/** Bytes of textures above which those that are not in use are given back instead of being kept for later. */
const KEPT_BYTES = 2 ** 28;

const LOST = 'the WebGL context was lost';

/**
 * Factory by which TensorFlow.js makes the backend, kept because a backend that was closed has to be registered anew.
 */
let factory: ReturnType<typeof tf.findBackendFactory> | undefined;

/** @throws Unavailable outside browsers, or if there is no WebGL with float32 textures */
export async function openWebgl(): Promise<Opened> {
  if (inNode()) throw new Unavailable('it runs in browsers only; in Node.js webgpu and tensorflow use a GPU');
  factory ??= tf.findBackendFactory('webgl');
  if (!tf.findBackendFactory('webgl')) tf.registerBackend('webgl', factory, 2);
  // A software driver is said to be one, not refused.
  tf.env().set('SOFTWARE_WEBGL_ENABLED', true);
  // Small tensors would be computed on the CPU.
  tf.env().set('WEBGL_CPU_FORWARD', false);
  // One program for all shapes: a batch that shrinks would compile all of them again.
  tf.env().set('WEBGL_USE_SHAPES_UNIFORMS', true);
  tf.env().set('WEBGL_DELETE_TEXTURE_THRESHOLD', KEPT_BYTES);
  if (!(await tf.setBackend('webgl').catch(() => false)))
    throw new Unavailable(
      'the browser offers no WebGL here: turn on hardware acceleration, see chrome://gpu',
    );
  if (!tf.env().getBool('WEBGL_RENDER_FLOAT32_ENABLED')) {
    tf.removeBackend('webgl');
    throw new Unavailable('the GPU renders no float32 textures: it would compute in float16');
  }
  const { gpgpu } = tf.backend() as unknown as WebglBackend;
  const { gl } = gpgpu;
  const lost = new Promise<never>((_, reject) =>
    gl.canvas.addEventListener('webglcontextlost', () => reject(new Error(LOST))),
  );
  lost.catch(() => undefined);
  // Before values are read, what computes them is waited for: of a context that was lost, for ever.
  const fence = gpgpu.createAndWaitForFence.bind(gpgpu);
  gpgpu.createAndWaitForFence = () => Promise.race([fence(), lost]);
  const unmasked = gl.getExtension('WEBGL_debug_renderer_info')?.UNMASKED_RENDERER_WEBGL;
  const renderer = String(gl.getParameter(unmasked ?? gl.RENDERER));
  const software = isSoftware(renderer);
  const maxTextureSize = gl.getParameter(gl.MAX_TEXTURE_SIZE) as number;
  return {
    device: `${software ? 'software driver' : 'GPU'} through WebGL ${tf.env().getNumber('WEBGL_VERSION')}, ${renderer}`,
    software,
    variant: renderer,
    fusedVariant: null,
    gpu: true,
    tf32: false,
    limits: { maxTextureSize },
    chunkElements: chunkElementsFor(maxTextureSize ** 2 * Float32Array.BYTES_PER_ELEMENT),
    mostTrajectories: Infinity,
    sharedColumns: 0,
    check() {
      if (gl.isContextLost()) return Promise.reject(new Error(LOST));
      const code = gl.getError();
      if (code === gl.NO_ERROR) return Promise.resolve();
      const words = code === gl.OUT_OF_MEMORY ? 'out of memory' : `error ${code}`;
      return Promise.reject(new Error(`WebGL refused work: ${words}`));
    },
    close() {
      if (tf.findBackendFactory('webgl')) tf.removeBackend('webgl');
    },
  };
}
