/** The release that is installed or checked out here. Node.js only. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './packageRoot.js';

export interface Release {
  readonly version: string;
  /**
   * Commit of the checkout, with `-dirty` if files differ from it; outside a checkout the one that the package was made
   * from, if it says so, else null.
   */
  commit(): string | null;
}

const { version, gitHead = null } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly gitHead?: string;
};

export const installed: Release = {
  version,
  commit() {
    if (!existsSync(join(packageRoot, '.git'))) return gitHead;
    try {
      const args = ['-C', packageRoot, 'describe', '--always', '--dirty', '--abbrev=40', '--match='];
      return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    } catch {
      return null;
    }
  },
};
