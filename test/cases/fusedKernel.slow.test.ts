/** The implementation of the fused kernel that computes on wasm is chosen, said and pinned, in native code or not. */
import { describe, expect, it } from 'vitest';
import { variantsHere } from '../../kernels/wasm/variants.js';
import { run } from './run.js';

const small = '--spectrum power:1 --shape 16x16 --ranks 2 --trials 4 --workers 1';
const here = await variantsHere();

describe('the fused kernel', () => {
  it.each([here[0]!, here.at(-1)!])(
    'is the one that is asked for, and no other goes on with what it began: %s',
    async (variant) => {
      const other = here.find((each) => each !== variant)!;
      const { stdout, stderr, code } = await run(`
      rankflow sweep ${small} --fused-kernel ${variant} --shard 1/2 --out out > /dev/null; rm -f out/trials/*
      rankflow sweep --resume out --fused-kernel ${other}; echo $?; ls out/trials
      rankflow sweep --resume out > /dev/null && grep -o '"variant":"[^"]*"' out/arithmetic.json
      grep -o '"device": "[^"]*"' out/config.json
      rankflow sweep ${small} --fused-kernel ${other} --out other > /dev/null; rankflow sweep merge out other --out m`);
      expect(stdout).toMatch(
        new RegExp(`^2\n"variant":"${variant}"\n"device": "CPU, WebAssembly SIMD with ${variant}, `),
      );
      expect(stderr).toContain(`invalid fusedKernel: ${other}; must be ${variant}, as what is done in `);
      expect(stderr).toContain(`(--fused-kernel ${variant})`);
      expect(stderr).toContain('invalid folders: ');
      expect(code).toBe(2);
    },
  );

  it('is one that there is and that runs here, on the backend that has it', async () => {
    const absent = process.arch === 'x64' ? 'native-neon' : 'native-avx2';
    const { stderr, code } = await run(`
      rankflow sweep ${small} --fused-kernel quick --out out
      rankflow sweep ${small} --fused-kernel ${absent} --out out
      rankflow sweep ${small} --fused-kernel wasm --backend cpu --out out; echo $? >&2; [ ! -e out ] && exit 7`);
    const [choice, place, backend, last] = stderr.trim().split('\n');
    expect(choice).toMatch(/^rankflow: invalid fusedKernel: quick; must be one of auto, native, wasm, /);
    expect(place).toContain(
      `invalid fusedKernel: ${absent}; must be one that runs here, of ${here.join(', ')} (`,
    );
    expect(backend).toContain('invalid fusedKernel: wasm; must be auto on cpu');
    expect(last).toBe('2');
    expect(code).toBe(7);
  });
});
