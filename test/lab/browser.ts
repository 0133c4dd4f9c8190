/** The built page in a real browser, for tests: it is opened at an address, asked, and its downloads are read. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { formatAddress, type Tab } from '../../src/lab/address.js';
import { launch, serveLab } from '../../benchmarks/browser.js';

/** Small enough for a software driver, with a law that draws come to. */
export const small = {
  spectrum: 'power:1',
  shape: '8x8',
  ranks: '1,2',
  init: 'balanced:0.01',
  trials: '6',
  time: '40',
};
/** Long enough to be paused. */
export const long = {
  spectrum: 'power:0.5',
  shape: '128x128',
  ranks: '16',
  init: 'small:0.01',
  trials: '2000',
};

export let browser: Browser;
export let lab: Awaited<ReturnType<typeof serveLab>>;
const folder = mkdtempSync(join(tmpdir(), 'rankflow-lab-'));

/** Builds and serves the page, and starts the browser, for the tests of the suite that this is called in. */
export function startLab(): void {
  beforeAll(async () => {
    [lab, browser] = await Promise.all([serveLab(), launch()]);
  });
  afterAll(async () => {
    await browser.close();
    lab.close();
    rmSync(folder, { recursive: true });
  });
}

/** A page at an address; whatever it logs as an error, or asks of another server, fails the test. */
export async function open(
  flags: Readonly<Record<string, string>>,
  body: (page: Page) => Promise<void>,
  options: BrowserContextOptions & { tab?: Tab; only?: readonly string[]; still?: boolean } = {},
): Promise<void> {
  const { tab = 'sweep', only = null, still = false, ...rest } = options;
  const context = await browser.newContext({ ...rest, reducedMotion: still ? 'reduce' : null });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(lab.url))
      faults.push(request.url());
  });
  try {
    await page.goto(lab.url + formatAddress({ tab, flags, focus: null, only }));
    await body(page);
    expect(faults).toEqual([]);
  } finally {
    await context.close();
  }
}

export const status = (page: Page) => page.locator('[role=status]');
export const done = async (page: Page) =>
  Number((await page.locator('section.bar').innerText()).match(/([\d,]+) of/)![1]!.replaceAll(',', ''));
export const finished = (page: Page) => status(page).getByText('Finished').waitFor({ timeout: 100_000 });
export const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

/** Drops files or a folder of this machine on an element. */
export async function drop(page: Page, selector: string, paths: readonly string[]): Promise<void> {
  const target = page.locator(selector);
  await target.scrollIntoViewIfNeeded();
  const { x, y } = (await target.boundingBox())!;
  const session = await page.context().newCDPSession(page);
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await session.send('Input.dispatchDragEvent', {
      ...{ type, x: x + 5, y: y + 5 },
      data: { items: [], files: [...paths], dragOperationsMask: 1 },
    });
}

/** Rows of the Parquet file that the page gives, as DuckDB reads them. */
export async function downloaded(page: Page): Promise<Record<string, unknown>[]> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    button(page, 'Download Parquet').click(),
  ]);
  const file = join(folder, `${Math.random()}.parquet`);
  await download.saveAs(file);
  const database = await (await DuckDBInstance.create(':memory:')).connect();
  const rows = await database.runAndReadAll(`select * from '${file}' order by rank, trial`);
  return rows.getRowObjectsJS();
}
