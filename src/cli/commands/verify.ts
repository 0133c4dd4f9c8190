/** The flags of `rankflow verify`, and what they say. */
import { resolve } from 'node:path';
import type { CommandModule } from 'yargs';
import { z } from 'zod';
import { checkConfig } from '../../input/checkConfig.js';
import { configFromText } from '../../input/fromText.js';
import { InputError } from '../../host/inputError.js';
import { defaultFolder, refuseFile } from '../../results/folder.js';
import { verifySchema } from '../../verify/config.js';
import { flagsOf } from '../flags.js';

const file = z.string().min(1).optional();
const schema = verifySchema.extend({
  json: file.describe('also write what was found as JSON to this file'),
  html: file.describe('file of the page [default: rankflow-results/verify-TIME.html]'),
});

export const verifyCommand: CommandModule = {
  command: 'verify',
  describe:
    'check the flows, methods and closed forms, or a loss of your own, against independent computations',
  builder: (yargs) =>
    yargs
      .options(flagsOf(schema))
      .example('$0 verify', 'every check, on the default backend')
      .example('$0 verify --backend all --only flow --json verify.json', '')
      .example('$0 verify --loss ./myLoss.ts --shape 8x6', 'a custom TensorFlow.js loss')
      .epilogue(
        'A loss module may export, beside its default (w, tf) -> [batch], a hand-derived gradient (w, tf) ->\n' +
          '[batch, n, m], which is then checked, float64 (w, n, m) -> number, the loss of one row-major W, and its\n' +
          'float64Gradient (w, n, m) -> Float64Array, without which differences are taken, slowly.',
      ),
  async handler(argv) {
    const {
      json,
      html = `${defaultFolder('verify')}.html`,
      ...config
    } = checkConfig(schema, configFromText(schema, argv));
    refuseFile('html', html);
    if (json !== undefined) {
      refuseFile('json', json);
      if (resolve(json) === resolve(html)) throw new InputError('json', json, 'another file than html');
    }
    const { verification } = await import('../verify.js');
    await verification(config, { json, html });
  },
};
