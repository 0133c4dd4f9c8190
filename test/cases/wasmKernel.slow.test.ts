/** The kernel of wasm that computes is chosen, said and pinned: plain, or with fused multiply-add where Node has it. */
import { describe, expect, it } from 'vitest';
import { run } from './run.js';

describe('the kernel of wasm', () => {
  it('is another with fused multiply-add, which is said and can be left out', async () => {
    const { stdout, stderr, code } = await run(`
      small='--backend wasm --spectrum power:1 --shape 16x16 --ranks 2 --trials 4'
      relaxed() { node --experimental-wasm-relaxed-simd dist/src/cli/main.js "$@"; }
      relaxed devices | grep -q 'fused multiply-add' || { echo none; exit; }
      relaxed sweep $small --out out > /dev/null && rm out/trials/*
      RANKFLOW_WASM_KERNEL=plain relaxed sweep --resume out; echo $?; ls out/trials
      RANKFLOW_WASM_KERNEL=plain relaxed sweep $small --out a > /dev/null && RANKFLOW_WASM_KERNEL=plain rankflow sweep $small --out b > /dev/null
      diff -r a/trials b/trials && relaxed sweep merge a out --out m`);
    if (stdout === 'none\n') return expect(code).toBe(0);
    expect(stdout).toBe('2\n');
    expect(stderr).toContain(
      'invalid backend: wasm (WebAssembly SIMD); must be wasm (WebAssembly SIMD with fused multiply-add)',
    );
    expect(stderr).toContain('invalid folders: ');
    expect(code).toBe(2);
  });

  it('is one that there is', async () => {
    const { stderr, code } = await run(
      'RANKFLOW_WASM_KERNEL=quick rankflow theory --spectrum 1 --shape 1x1 --ranks 1; RANKFLOW_WASM_KERNEL=quick rankflow sweep --backend wasm --spectrum 1 --shape 1x1 --ranks 1 --out out; [ ! -e out ] && exit 7',
    );
    expect(stderr).toBe('rankflow: invalid RANKFLOW_WASM_KERNEL: quick; must be one of fused, plain\n');
    expect(code).toBe(7);
  });
});
