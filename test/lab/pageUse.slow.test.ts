/** The built page in a real browser: what a visitor sees and does, against what it must show. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { answers } from '../../src/advise/report.js';
import { readSafetensors } from '../../src/files/safetensors.js';
import { executable } from '../../benchmarks/browser.js';
import { advised, checkpoint, lowRank, plus, random, tensor, work } from '../advise/support.js';
import {
  browser,
  button,
  downloaded,
  drop,
  finished,
  lab,
  long,
  open,
  small,
  startLab,
  status,
} from './browser.js';

const axe = readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

/** A pair of checkpoints of so many weights of [size, size], in folders. */
function pairOf(name: string, count: number, size: number) {
  const weights = Array.from({ length: count }, (_, i) => {
    const before = random([size, size], i, 0.1);
    const after = plus(before, lowRank(size, size, [3, 2, 1, 0.1], 100 + 3 * i).data);
    return { name: `layers.${i}.proj.weight`, before, after };
  });
  const [base, tuned] = (['before', 'after'] as const).map((part) =>
    checkpoint(
      `${name}-${part}`,
      Object.fromEntries(weights.map((each) => [each.name, tensor([size, size], each[part], 'BF16')])),
    ),
  ) as [string, string];
  return { base, tuned };
}

/** Gives a pair by the inputs, and waits for its headers. */
async function give(page: Page, { base, tuned }: { base: string; tuned: string }): Promise<void> {
  await page.getByLabel('Folder of BASE').setInputFiles(base);
  await page.locator('[data-side=base][data-given]').waitFor();
  await page.getByLabel('Files of TUNED').setInputFiles(join(tuned, 'model.safetensors'));
  await status(page).getByText('Ready.').waitFor();
}

const adviseButton = (page: Page) => page.locator('.advise').getByRole('button', { name: 'Advise' });

describe.skipIf(executable === null)('the lab in a browser', () => {
  startLab();

  it('answers while it computes', async () => {
    await open(long, async (page) => {
      await page.waitForFunction(() =>
        /[1-9]\d* of/.test(document.querySelector('section.bar')!.textContent!),
      );
      const gap = await page.evaluate(async () => {
        let [longest, last] = [0, performance.now()];
        for (const end = last + 2000; last < end;) {
          const now = await new Promise<number>((resolve) => requestAnimationFrame(resolve));
          longest = Math.max(longest, now - last);
          last = now;
        }
        return longest;
      });
      // Half a second would be felt; a page that computes by itself stands still for a whole round of trials.
      expect(gap).toBeLessThan(500);
    });
  });

  it('leaves what is typed during a run in its field, and takes it over', async () => {
    await open(long, async (page) => {
      await page.locator('section.bar', { hasText: /[1-9]\d* of/ }).waitFor();
      const ranks = page.getByLabel('Ranks');
      await ranks.click();
      await ranks.press('End');
      await ranks.pressSequentially(',24,32', { delay: 150 });
      expect(await ranks.inputValue()).toBe('16,24,32');
      await ranks.press('Enter');
      await status(page).getByText('6,000 trajectories, ready to run').waitFor();
    });
  });

  it('is run once, however early Run is pressed', async () => {
    await open({ ...long, trials: '60' }, async (page) => {
      await page.locator('button:enabled', { hasText: 'Run' }).click();
      await finished(page);
      await page.waitForTimeout(500);
      expect(await status(page).innerText()).toContain('Finished: 60 trajectories');
    });
  });

  it('runs nothing that was refused', async () => {
    await open(small, async (page) => {
      await finished(page);
      await page.getByLabel('Ranks').fill('1,99');
      await page.getByLabel('Ranks').press('Enter');
      await page.getByRole('alert').getByText('invalid rank: 99').waitFor();
      expect(await button(page, 'Run').isDisabled()).toBe(true);
      await page.getByLabel('Ranks').fill('2,1,2');
      await page.getByLabel('Ranks').press('Enter');
      await status(page).getByText('12 trajectories, ready to run').waitFor();
      expect(await page.getByRole('alert').count()).toBe(0);
      // The figures come after the plan, in an answer of their own.
      await expect
        .poll(() => page.getByLabel('Rank to look at').locator('option').allInnerTexts())
        .toEqual(['1', '2']);
    });
  });

  it('looks at another rank without another sweep', async () => {
    await open(small, async (page) => {
      await finished(page);
      await page.locator('lab-plot[aria-label*="in 6 trials of rank 2;"]').waitFor();
      const before = await downloaded(page);
      await page.getByLabel('Rank to look at').selectOption('1');
      await page.locator('lab-plot[aria-label*="in 6 trials of rank 1;"]').waitFor();
      await page.locator('lab-plot[aria-label^="Loss over time of 6 trials of rank 1"]').waitFor();
      await finished(page);
      expect(await downloaded(page)).toEqual(before);
    });
  });

  it('has its state in the address', async () => {
    await open({ ...small, method: 'rk4', step: '0.05', 'lr-ratio-b': '4' }, async (page) => {
      await finished(page);
      expect(await page.getByLabel('Method').inputValue()).toBe('rk4');
      expect(await page.getByLabel('Step', { exact: true }).inputValue()).toBe('0.05');
      expect(await page.getByLabel('kB').inputValue()).toBe('4');
      await page.getByLabel('Ranks').fill('1,2,3');
      await page.getByLabel('Ranks').press('Enter');
      await page.waitForFunction(() => location.hash.includes('ranks=1%2C2%2C3'));
      await page
        .locator('pre', { hasText: 'npx rankflow sweep --spectrum power:1 --shape 8x8 --ranks 1,2,3 ' })
        .waitFor();
    });
  });

  it.each([
    ['what is out of range', { ...small, ranks: '9' }, 'invalid rank: 9; must be at most min(n, m) = 8'],
    ['what is unknown', { ...small, colour: 'red' }, 'invalid flag: colour; must be one of '],
    ['several of what there is one of', { ...small, init: 'small,gaussian' }, 'must be a single one, here'],
    [
      'a file that was not given',
      { target: 'w.npy', ranks: '1' },
      'w.npy: no such file here; must be a file that was dropped',
    ],
    ['too many trajectories', { ...small, trials: '50001' }, 'must be at most 100000 over all ranks, here'],
  ])('says what is wrong: %s', async (_, flags, words) => {
    await open(flags as Record<string, string>, async (page) => {
      await page.getByRole('alert').getByText(words).waitFor();
      expect(await button(page, 'Run').isDisabled()).toBe(true);
    });
  });

  it('takes a dropped matrix, and says what is wrong with a bad one', async () => {
    const npy = (shape: string, data: number[]) => {
      const header = `{'descr': '<f8', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117) + '\n';
      return Buffer.concat([
        Buffer.from('\x93NUMPY\x01\x00v\x00', 'latin1'),
        Buffer.from(header),
        Buffer.from(new Float64Array(data).buffer),
      ]);
    };
    await open(small, async (page) => {
      await finished(page);
      const give = (name: string, buffer: Buffer) =>
        page.locator('#file').setInputFiles({ name, buffer, mimeType: 'application/octet-stream' });
      await give('broken.npy', npy('(2, 3)', [1, 2]));
      await page.getByRole('alert').getByText('broken.npy').waitFor();
      await give('broken.csv', Buffer.from('1,2\n3'));
      await page.getByRole('alert').getByText('broken.csv').waitFor();
      await give('good.csv', Buffer.from('3,0\n0,1\n0,0\n'));
      await status(page).getByText('ready to run').waitFor();
      expect(await page.getByRole('alert').count()).toBe(0);
      await give('good.npy', npy('(3, 2)', [3, 0, 0, 1, 0, 0]));
      // The status may still be that of the file before.
      await page.locator('pre', { hasText: '--target good.npy' }).waitFor();
      await status(page).getByText('ready to run').waitFor();
      await button(page, 'Run').click();
      await finished(page);
      // Singular values 3 and 1: rank 1 leaves 1 of sqrt(10).
      const [first] = await downloaded(page);
      expect(first!['n']).toBe(3);
      expect(Number(first!['accuracy'])).toBeCloseTo(1 / Math.sqrt(10), 4);
    });
  });

  it('sweeps the example matrix', async () => {
    await open(
      { target: 'minilm-query.safetensors', ranks: '1', init: 'gaussian', trials: '1', time: '5' },
      async (page) => {
        await finished(page);
        expect(await page.locator('td.words').innerText()).toBe('1 end-time');
      },
    );
  });

  it('tells a browser without modules what it needs', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(lab.url);
    expect(await page.innerText('main')).toContain('npm run lab');
    await context.close();
  });

  it.each([
    ['desktop, light', { width: 1280, height: 800 }, 'light', 'sweep'],
    ['phone, dark', { width: 390, height: 844 }, 'dark', 'sweep'],
    ['phone, light', { width: 390, height: 844 }, 'light', 'verify'],
    ['desktop, dark', { width: 1280, height: 800 }, 'dark', 'verify'],
    ['phone, dark', { width: 390, height: 844 }, 'dark', 'advise'],
    ['desktop, light', { width: 1280, height: 800 }, 'light', 'advise'],
  ] as const)('has no accessibility violations: %s, %s', async (_, viewport, colorScheme, tab) => {
    await open(
      small,
      async (page) => {
        if (tab === 'sweep') await finished(page);
        else if (tab === 'advise') {
          await give(page, pairOf('axe', 6, 24));
          await adviseButton(page).click();
          await finished(page);
          await page.locator('.heat td').first().waitFor();
        } else await page.locator('.verify option').nth(4).waitFor({ state: 'attached' });
        await page.evaluate(axe);
        const violations = await page.evaluate(async () => {
          const { axe: checker } = window as unknown as {
            axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
          };
          return (await checker.run()).violations.map(({ id, nodes }) => [
            id,
            ...nodes.map(({ html }) => html),
          ]);
        });
        expect(violations).toEqual([]);
        // Nothing is wider than the window.
        expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
      },
      { viewport, colorScheme, tab },
    );
  });

  it('is worked by the keyboard alone', async () => {
    await open(
      small,
      async (page) => {
        await status(page).getByText('ready to run').waitFor();
        for (let i = 0; i < 60; i++) {
          await page.keyboard.press('Tab');
          if ((await page.evaluate(() => document.activeElement?.textContent?.trim())) === 'Run') break;
        }
        await page.keyboard.press('Enter');
        await finished(page);
      },
      { still: true },
    );
  });

  it('says of a verification that was stopped how far it came', async () => {
    await open(
      small,
      async (page) => {
        await page.locator('.verify option', { hasText: 'wasm' }).waitFor({ state: 'attached' });
        await page.getByLabel('Backend to verify').selectOption('wasm');
        await page.locator('.verify').getByRole('button', { name: 'Verify' }).click();
        await page.locator('.checks tbody tr').first().waitFor();
        await button(page, 'Stop').click();
        await status(page)
          .getByText(/^Stopped after \d+ of \d+ checks: /)
          .waitFor();
      },
      { tab: 'verify' },
    );
  });

  it('advises on a dropped pair as the command line does, at other budgets at once', async () => {
    const { base, tuned } = pairOf('dropped', 4, 48);
    await open(
      small,
      async (page) => {
        const answered = (texts: readonly string[]) =>
          expect.poll(() => page.locator('.answer').allInnerTexts()).toEqual(texts);
        await status(page).getByText('BASE and TUNED missing.').waitFor();
        await drop(page, '[data-side=tuned]', [join(tuned, 'model.safetensors')]);
        await status(page).getByText('BASE missing.').waitFor();
        // Beside both sides, it is the one that is missing.
        await drop(page, 'h1', [base]);
        await status(page).getByText('Ready.').waitFor();
        expect(await page.locator('[data-side=base]').innerText()).toContain('dropped-before, 4 tensors');
        await adviseButton(page).click();
        await finished(page);
        await answered(answers((await advised(base, tuned)).advice));

        await page.getByLabel('Budgets: ').fill('2%, 3000');
        await page.getByLabel('Budgets: ').press('Enter');
        const { advice } = await advised(base, tuned, { budget: ['2%', '3000'] });
        await answered(answers(advice));
        await page.getByLabel('Budget to look at').selectOption('3000');
        await expect
          .poll(() => page.locator('.heat td').allInnerTexts())
          .toEqual(advice.budgets[1]!.ranks.map(String));
        const [download] = await Promise.all([
          page.waitForEvent('download'),
          button(page, 'Download advice.json').click(),
        ]);
        const record = JSON.parse(readFileSync(await download.path(), 'utf8')) as {
          weights: { sigma: number[] }[];
        };
        expect(record.weights.map(({ sigma }) => sigma)).toEqual(
          advice.weights.map(({ sigma }) => [...sigma]),
        );
        await button(page, 'Write it for PEFT').click();
        await page.getByText('Measured in float32, it leaves a relative Frobenius error').waitFor();
        const [adapter] = await Promise.all([
          page.waitForEvent('download'),
          button(page, 'Download adapter_model.safetensors').click(),
        ]);
        const path = join(work, 'adapter.safetensors');
        await adapter.saveAs(path);
        expect(readSafetensors(path).tensors.size).toBe(
          2 * advice.budgets[1]!.ranks.filter((rank) => rank > 0).length,
        );
        await page.getByLabel('Budgets: ').fill('nothing');
        await page.getByLabel('Budgets: ').press('Enter');
        await page.getByRole('alert').getByText('invalid budget: nothing; must be ').waitFor();

        const broken = join(work, 'broken.safetensors');
        writeFileSync(broken, readFileSync(join(base, 'model.safetensors')).subarray(0, 5000));
        await drop(page, '[data-side=base]', [broken]);
        await page
          .getByRole('alert')
          .getByText(/^invalid BASE\/broken\.safetensors: .*; must be a whole and well-formed/)
          .waitFor();
        await status(page).getByText('BASE missing.').waitFor();
        expect(await adviseButton(page).isDisabled()).toBe(true);
      },
      { tab: 'advise' },
    );
  });

  it('takes checkpoints by the keyboard, and stops comparing them', async () => {
    const { base, tuned } = pairOf('stopped', 30, 160);
    await open(
      small,
      async (page) => {
        for (const [name, path] of [
          ['BASE', base],
          ['TUNED', tuned],
        ] as const) {
          const [chooser] = await Promise.all([
            page.waitForEvent('filechooser'),
            button(page, `Folder of ${name} …`).press('Enter'),
          ]);
          await chooser.setFiles(path);
          await page.locator(`[data-side=${name.toLowerCase()}][data-given]`).waitFor();
        }
        await adviseButton(page).click();
        await page.locator('.advise', { hasText: /[1-9] of 30 weights/ }).waitFor();
        await button(page, 'Stop').click();
        await status(page)
          .getByText(/^Stopped after \d+ of 30 weights\.$/)
          .waitFor();
        expect(await page.locator('.answer').count()).toBe(0);
        await adviseButton(page).click();
        await status(page).getByText('Finished: 30 weights').waitFor();
      },
      { tab: 'advise' },
    );
  });
});
