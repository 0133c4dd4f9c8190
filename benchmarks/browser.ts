/** The built lab behind a plain static server, and a Chromium with software drivers for WebGL and WebGPU to open it. */
import { execFileSync } from 'node:child_process';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { packageRoot } from '../src/host/packageRoot.js';

/** Null where there is none, and where its tests are skipped. */
export const executable =
  [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
    (path) => path !== undefined && existsSync(path),
  ) ?? null;

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: executable!,
    args: [
      ...['--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
      ...['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
      // The page itself is drawn faster without it.
      '--disable-gpu-compositing',
    ],
  });

const types: Readonly<Record<string, string>> = {
  ...{ '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm' },
  '.safetensors': 'application/octet-stream',
};

/** The built page behind a plain static server, in a folder of it. */
export async function serveLab(): Promise<{ readonly url: string; close(): void }> {
  // In a process of its own: a build under tests would be one for development.
  execFileSync('npm', ['run', 'lab:build', '--silent'], {
    cwd: packageRoot,
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const folder = '/some/folder/';
  const server = createServer(({ url = '' }, response) => {
    const path = new URL(url, 'http://localhost').pathname;
    const file = join(packageRoot, 'dist-lab', path.slice(folder.length) || 'index.html');
    const found =
      path.startsWith(folder) && !path.includes('..') && existsSync(file) && statSync(file).isFile();
    response.writeHead(found ? 200 : 404, { 'content-type': types[extname(file)] ?? 'text/plain' });
    if (found) createReadStream(file).pipe(response);
    else response.end('not found');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}${folder}`, close: () => server.close() };
}
