/** The lab as a visitor has it: what is loaded, how soon something is seen, how smoothly it moves. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser, Page } from 'playwright-core';
import { packageRoot } from '../../src/host/packageRoot.js';
import { median, sample } from '../measure.js';
import { Skipped, type Measured, type Workload } from '../workload.js';

const LOADS = 7;
/** 1,024 trajectories. */
const SWEEP = '#spectrum=power:1&shape=64x64&ranks=4,8,16,32&init=balanced:0.0001&trials=256';

export const lab: Workload = {
  id: 'lab',
  claim:
    'the lab in Chromium without a GPU: its size, time to its first plot, frames while 1,024 trajectories run',
  unit: 'MiB',
  async run() {
    if (!existsSync(join(packageRoot, 'src', 'lab'))) throw new Skipped('it needs a checkout of rankflow');
    const { executable, launch, serveLab } = await import('../browser.js');
    if (executable === null) throw new Skipped('there is no Chromium here: apt-get install chromium');
    const site = await serveLab();
    const browser = await launch();
    try {
      return [...sizes(), await firstPlot(browser, site.url), ...(await frames(browser, site.url))];
    } finally {
      await browser.close();
      site.close();
    }
  },
};

function sizes(): Measured[] {
  const folder = join(packageRoot, 'dist-lab');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
  const mebibytes = (bytes: readonly number[]) => bytes.reduce((a, b) => a + b, 0) / 2 ** 20;
  return [
    { id: 'lab/size', unit: 'MiB', value: mebibytes(files.map(({ length }) => length)), note: 'all files' },
    {
      ...{ id: 'lab/size-gzip', unit: 'MiB', value: mebibytes(files.map((file) => gzipSync(file).length)) },
      note: 'all files, compressed one by one; a visit loads those that its backend needs',
    },
  ];
}

/** From the start of navigation, each time with an empty cache. */
async function firstPlot(browser: Browser, url: string): Promise<Measured> {
  const seconds: number[] = [];
  for (let i = 0; i < LOADS; i++) {
    const page = await browser.newPage();
    const begun = performance.now();
    await page.goto(url);
    await page.waitForSelector('lab-plot canvas');
    seconds.push((performance.now() - begun) / 1000);
    await page.close();
  }
  return {
    ...{ id: 'lab/first-plot', unit: 's', value: median(seconds) },
    times: [sample('load to first plot', seconds)],
  };
}

const status = (page: Page): Promise<string> => page.innerText('[role=status]');

/** Times between animation frames from the first trajectory that ended to the last. */
async function frames(browser: Browser, url: string): Promise<Measured[]> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(url + SWEEP);
  await page.waitForFunction(`/[1-9][\\d,]* of/.test(document.querySelector('section.bar').textContent)`);
  const gaps: number[] = await page.evaluate(`(async () => {
    const gaps = [];
    let last = performance.now();
    while (!/Finished/.test(document.querySelector('[role=status]').textContent)) {
      const now = await new Promise(requestAnimationFrame);
      gaps.push(now - last);
      last = now;
    }
    return gaps;
  })()`);
  const note = await status(page);
  await page.close();
  const milliseconds = gaps.reduce((a, b) => a + b, 0);
  return [
    {
      ...{ id: 'lab/frames', unit: 'frames/s', value: (1000 * gaps.length) / milliseconds, note },
      times: [
        sample(
          'between frames',
          gaps.map((gap) => gap / 1000),
        ),
      ],
    },
    { id: 'lab/longest-frame', unit: 'ms', value: Math.max(...gaps) },
  ];
}
