/** Pages of sweeps and simulations against what they must hold, and what no page may. */
import { describe, expect, it } from 'vitest';
import { formatNumber } from '../../src/report/format.js';
import { simulationHtml, sweepHtml } from '../../src/report/html.js';
import { two, broken, provenance, simulationOf } from './support.js';

describe('HTML', () => {
  const title = 'Sweep <script>alert("x")</script> & more';

  it('is one page without scripts or anything to load, with hostile text escaped', async () => {
    const pages = [
      await sweepHtml({ title, provenance, cells: two }),
      await simulationHtml(simulationOf(2)),
      await sweepHtml({ title, provenance, cells: [] }),
    ];
    for (const page of pages) {
      expect(page).not.toMatch(/https?:\/\/|<script|<link|@import|url\(|<iframe|\son\w+=/);
      expect(page).toContain('a &lt;b&gt;CPU&lt;/b&gt;');
      expect(page).toContain('&lt;/pre&gt;&lt;script&gt;');
      expect(page.match(/<svg/g)?.length ?? 0).toBe(
        page.match(/<svg role="img" aria-label="[^"]+"/g)?.length ?? 0,
      );
    }
    expect(pages[0]).toContain('<h1>Sweep &lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; more</h1>');
  });

  it('has a row for every cell, with the columns of the terminal table', async () => {
    const page = await sweepHtml({ title, provenance, cells: two });
    const body = /<tbody>([\s\S]*?)<\/tbody>/.exec(page)?.[1] ?? '';
    expect(body.match(/<tr>/g)).toHaveLength(two.length);
    for (const { rank, initialization, accuracy } of two)
      expect(body).toMatch(
        new RegExp(
          `<td>${initialization}</td><td class="number">${rank}</td>.*>${formatNumber(accuracy.mean)}<`,
        ),
      );
    expect(page).toContain('32 of 256 trajectories had not become stationary by the end time');
    expect(page.match(/<figure id=/g)).toHaveLength(4);
  });

  it('shows a dash for what is not a number', async () => {
    const page = await sweepHtml({ title, provenance, cells: broken });
    expect(page).not.toMatch(/NaN|undefined/);
    expect(page).toContain('<td class="number">-</td>');
  });
});
