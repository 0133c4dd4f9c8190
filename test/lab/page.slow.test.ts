/** The built page in a real browser on every backend: sweeps against the library's, lost devices, tensors left, checks. */
import { describe, expect, it } from 'vitest';
import { executable } from '../../benchmarks/browser.js';
import { button, done, downloaded, finished, long, open, small, startLab, status } from './browser.js';
import { sweep } from '../../src/run/sweep.js';

describe.skipIf(executable === null)('the lab in a browser', () => {
  startLab();

  it.each(['wasm', 'webgl', 'webgpu'])(
    'runs a sweep on %s, comes to the law, and gives its trials as Parquet',
    async (backend) => {
      await open({ ...small, backend }, async (page) => {
        await finished(page);
        expect(await status(page).innerText()).toContain(`Finished: 12 trajectories on ${backend}`);
        expect(await page.locator('dt', { hasText: 'tensors held' }).locator('+ dd').innerText()).toMatch(
          /^0,/,
        );
        const rows = await downloaded(page);
        const cells = await sweep({
          ...{
            spectrum: 'power:1',
            shape: ['8x8'],
            ranks: [1, 2],
            init: ['balanced:0.01'],
            trials: 6,
            time: 40,
          },
          backend: 'wasm',
        });
        expect(rows).toHaveLength(12);
        for (const { rank, law, accuracy } of cells) {
          const found = rows.filter((row) => row['rank'] === rank).map((row) => Number(row['accuracy']));
          // The adaptive method's tolerance, and the distance from the law that is left at the end time.
          for (const each of found) expect(Math.abs(each / law!.value - 1)).toBeLessThan(1e-3);
          expect(Math.abs(found.reduce((a, b) => a + b) / 6 / accuracy.mean - 1)).toBeLessThan(1e-5);
        }
      });
    },
    120_000,
  );

  it('pauses, resumes, and ends as a sweep that was not paused', async () => {
    await open({ ...long, trials: '300' }, async (page) => {
      await page.waitForFunction(() =>
        /[1-9]\d* of/.test(document.querySelector('section.bar')!.textContent!),
      );
      await button(page, 'Pause').click();
      await page.waitForTimeout(1500);
      const paused = await done(page);
      await page.waitForTimeout(1000);
      expect(await done(page)).toBe(paused);
      expect(paused).toBeLessThan(300);
      await button(page, 'Resume').click();
      await finished(page);
      const rows = await downloaded(page);
      await button(page, 'Run').click();
      // What is said of the run before stays until this one has begun.
      await status(page).getByText('Finished').waitFor({ state: 'hidden' });
      await finished(page);
      expect(await downloaded(page)).toEqual(rows);
    });
  }, 200_000);

  it.each(['wasm', 'webgl'])(
    'frees the tensors of a sweep that is left, on %s',
    async (backend) => {
      await open({ ...long, shape: '32x32', ranks: '4', backend }, async (page) => {
        await page.waitForFunction(
          () =>
            document.querySelector('progress')!.value >= 0 && /on (wasm|webgl)/.test(document.body.innerText),
        );
        await button(page, 'Verify').first().click();
        await button(page, 'Sweep').click();
        await page.getByLabel('Shape n×m').fill('8x8');
        await page.getByLabel('Ranks').fill('2');
        await page.getByLabel('Trials per rank').fill('2');
        await page.getByLabel('End time').fill('20');
        await page.getByLabel('End time').blur();
        await status(page).getByText('2 trajectories, ready').waitFor({ timeout: 120_000 });
        await button(page, 'Run').click();
        await finished(page);
        expect(await page.locator('dt', { hasText: 'tensors held' }).locator('+ dd').innerText()).toMatch(
          /^0,/,
        );
      });
    },
    240_000,
  );

  it.each([
    ['webgl', 'registry.webgl.gpgpu.gl.getExtension("WEBGL_lose_context").loseContext()'],
    ['webgpu', 'registry.webgpu.device.destroy()'],
  ])(
    'says what to do when %s is lost, and starts again',
    async (backend, loss) => {
      await open({ ...small, trials: '4000', backend }, async (page) => {
        await page.waitForFunction(() => /on web/.test(document.querySelector('section.bar')!.textContent!));
        await page.waitForTimeout(500);
        await page.workers()[0]!.evaluate(`_tfengine.${loss}`);
        await page.getByRole('alert').getByText('Run it again on a new device').waitFor({ timeout: 60_000 });
        await page.getByLabel('Trials per rank').fill('2');
        await page.getByLabel('Trials per rank').blur();
        await status(page).getByText('4 trajectories, ready').waitFor();
        await button(page, 'Run').click();
        await finished(page);
      });
    },
    180_000,
  );

  // All of them take many minutes on software drivers; its kernel is that of the sweeps above, held against the library's.
  it.each([
    ['webgl', ['flow', 'second']],
    ['webgpu', ['flow/autodiff']],
  ])(
    'verifies rankflow on %s',
    async (backend, checks) => {
      await open(
        small,
        async (page) => {
          await page.locator('.verify option', { hasText: backend }).waitFor({ state: 'attached' });
          await page.getByLabel('Backend to verify').selectOption(backend);
          await page.locator('.verify').getByRole('button', { name: 'Verify' }).click();
          await status(page).getByText('checks pass').waitFor({ timeout: 900_000 });
          expect(await status(page).innerText()).toMatch(/^(\d+) of \1 checks pass\.$/);
        },
        { tab: 'verify', only: checks },
      );
    },
    960_000,
  );
});
