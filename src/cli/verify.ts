/** `rankflow verify`: every check as a row of one table, a page and JSON; exit code 1 if one fails. */
import { progress, type Progress } from '../report/progress.js';
import { verificationHtml, verificationJson, verificationTable } from '../report/verification.js';
import { writeResult } from '../results/folder.js';
import type { VerifyConfig } from '../verify/config.js';
import { verify } from '../verify/verify.js';
import { note, print } from './output.js';

/** Makes the checks of a config, prints them, and writes the page, and the JSON if it has a file. */
export async function verification(
  config: VerifyConfig,
  { json, html }: { readonly json: string | undefined; readonly html: string },
): Promise<void> {
  let display: Progress | undefined;
  const { findings, provenance } = await verify(config, {
    start(total, backends, absent) {
      for (const { name, device } of backends) note(`rankflow verify on ${name} (${device})`);
      for (const { name, reason } of absent) note(`not on ${name}: ${reason}`);
      display = progress(total, 'checks');
    },
    finding: (_, done) => display?.update(done),
  }).finally(() => display?.stop());
  if (json !== undefined) writeResult(json, `${verificationJson(findings)}\n`);
  print(verificationTable(findings, Math.max(80, Math.min(160, process.stdout.columns ?? 130))));
  const title = `Verification of ${config.loss ?? 'rankflow'}`;
  writeResult(html, await verificationHtml(title, provenance, findings));
  print(`\nResults: ${html}`);
  if (!findings.every(({ pass }) => pass)) process.exitCode = 1;
}
