/** All claims that are reproduced: those of the paper and of the theory hold, and what is refuted is named here. */
import { expect, it } from 'vitest';
import { verdictOf } from '../src/reproduce/claim.js';
import { reproduce } from '../src/reproduce/reproduce.js';

const refuted = ['tanh-law'];

it('reproduces every claim but those that are refuted', async () => {
  const { reproduced } = await reproduce({ backend: 'wasm', workers: 1 });
  for (const each of reproduced)
    expect([each.claim.id, verdictOf(each)]).toEqual([
      each.claim.id,
      refuted.includes(each.claim.id) ? 'fails' : 'holds',
    ]);
});
