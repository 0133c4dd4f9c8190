/** WebGPU in Node: Dawn, from the npm package `webgpu`, put where a browser has it. */
import { Unavailable } from './backend.js';
import { firstLine, loadError } from '../host/platform.js';

let instance: GPU | null = null;

/** @throws Unavailable if the package is missing or does not load */
export async function dawn(): Promise<GPU> {
  if (instance) return instance;
  const { create, globals } = await import('webgpu').catch((error: unknown) => {
    throw new Unavailable(
      `the npm package webgpu did not load (${firstLine(error)}): run npm install --include=optional`,
    );
  });
  // Vulkan drivers look for a display and, without one, print an error at every start.
  if (process.platform === 'linux') process.env['XDG_RUNTIME_DIR'] ??= (await import('node:os')).tmpdir();
  Object.assign(globalThis, globals);
  const gpu = create([]);
  const place = { value: gpu, configurable: true, enumerable: true };
  // Node has a navigator, without gpu, from version 21 on.
  const { navigator } = globalThis as { navigator?: object };
  if (navigator) Object.defineProperty(navigator, 'gpu', place);
  else Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  instance = gpu;
  return gpu;
}

/** What has to be installed where Dawn finds no adapter. */
export async function whatIsMissing(): Promise<string> {
  if (process.platform === 'linux') {
    const loader = loadError('libvulkan.so.1');
    if (loader) return `the Vulkan loader does not load (${loader}): apt-get install libvulkan1`;
    const { existsSync } = await import('node:fs');
    const driver = existsSync('/dev/nvidiactl') && loadError('libGLX_nvidia.so.0');
    if (driver) {
      return (
        `the Vulkan driver of the NVIDIA GPU does not load (${driver}): a container has it by ` +
        'NVIDIA_DRIVER_CAPABILITIES=all, and apt-get install libxext6'
      );
    }
  }
  return (
    'install the driver of a GPU with Vulkan (Linux), Metal or Direct3D 12; without a GPU, ' +
    "Debian's chromium brings a software driver (VK_DRIVER_FILES=/usr/lib/chromium/vk_swiftshader_icd.json)"
  );
}
