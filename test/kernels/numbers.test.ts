/**
 * The numbers that the kernels share with the host stand once: every one of src/method/control.ts, every code and every
 * field reaches the assembly and WGSL by its name, with its bits; a changed one arrives, and none is written out there.
 */
import asc from 'assemblyscript/asc';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { controlNumbers, real } from '../../kernels/constants.js';
import { DIGITS, outcomeCodes, outcomeOf, REPORT, report } from '../../kernels/report.js';
import { classesText } from '../../kernels/wasm/generators/classes.js';
import { constantsText } from '../../kernels/wasm/generators/constants.js';
import { generatedSources } from '../../kernels/wasm/generators/sources.js';
import { parameterFields, parameterOffsets } from '../../kernels/wasm/layout.js';
import { kinds as wasmKinds } from '../../kernels/wasm/structures.js';
import { layoutOf } from '../../kernels/webgpu/layout.js';
import { shaderText } from '../../kernels/webgpu/shader.js';
import { kinds as webgpuKinds } from '../../kernels/webgpu/structures.js';
import { isAdaptive, method, flowMethodNames } from '../../src/method/methods.js';
import { gradientMotion } from '../../src/flow/motion.js';
import { outcomes, type Outcome } from '../../src/method/outcome.js';

const folder = (name: string) => fileURLToPath(new URL(`../../kernels/${name}/`, import.meta.url));

/** Sources under a folder by name, without their comments. */
const sourcesIn = (name: string): [string, string][] =>
  readdirSync(folder(name), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('numbers') && file !== 'philox.ts')
    .map((file) => [
      file,
      readFileSync(folder(name) + file, 'utf8').replace(/\/\*\*?(?! wgsl)[\s\S]*?\*\/|(?<!:)\/\/.*/g, ''),
    ]);

const names = Object.keys(controlNumbers);

/**
 * Fixed steps are counted in whole numbers on webgpu, so that none is off by rounding; and whether a method is of high
 * order is known when its text is made.
 */
const notInWgsl = ['FIXED_HIT', 'HIGH_ORDER'];

const structure = { kind: 'diagonal', sigma: Float64Array.of(1, 0.5) } as const;

/** WGSL for every method. */
const shaders = (numbers?: Readonly<Record<string, number>>): string[] =>
  flowMethodNames.map((name) => {
    const chosen = isAdaptive(name) ? method(name, { rtol: 1e-4 }) : method(name, { step: 0.1 });
    const shape = { n: 2, m: 3, rank: 2, method: chosen };
    const layout = layoutOf(shape, { workgroupBytes: 2 ** 15, subgroup: 32 });
    return shaderText({ structure, method: chosen, motion: gradientMotion }, layout, numbers);
  });

/** Number of times that a name stands in a text, but for where it is defined. */
const uses = (text: string, name: string): number =>
  [...text.matchAll(new RegExp(`(?<!const )\\b${name}\\b`, 'g'))].length;

describe('a number as a literal', () => {
  it('has the same bits', () => {
    for (const value of [...Object.values(controlNumbers), 5, 1e21, 2 ** -24, 5e-324, -0.1, 1 / 3, 2 ** 60]) {
      expect(Number(real(value))).toBe(value);
      expect(real(value)).toMatch(/[.e]/);
    }
  });

  it('is finite', () => {
    for (const value of [NaN, Infinity]) expect(() => real(value)).toThrow('no literal');
  });
});

describe('a number of the control', () => {
  it('is there', () => {
    expect(names).toEqual(expect.arrayContaining(['SAFETY', 'SHRINK_LIMIT', 'NUDGE', 'RADIUS_SAFETY']));
  });

  it.each(names)('%s reaches the assembly, and a change of it does', (name) => {
    const value = controlNumbers[name]!;
    expect(constantsText()).toContain(`export const ${name}: f64 = ${real(value)};\n`);
    const changed = constantsText({ ...controlNumbers, [name]: 2 * value });
    expect(changed).toContain(`export const ${name}: f64 = ${real(2 * value)};\n`);
    // Once where it is imported, and where it is used.
    expect(Math.max(...sourcesIn('wasm/assembly').map(([, text]) => uses(text, name)))).toBeGreaterThan(1);
  });

  it.each(names.filter((name) => !notInWgsl.includes(name)))(
    '%s reaches WGSL, and a change of it does',
    (name) => {
      const value = controlNumbers[name]!;
      const [before, after] = [shaders(), shaders({ ...controlNumbers, [name]: 2 * value })];
      const changed = before.flatMap((text, i) => (text === after[i] ? [] : [after[i]!]));
      expect(changed.length).toBeGreaterThan(0);
      for (const text of changed) {
        expect(text).toContain(`const ${name} = ${real(2 * value)};\n`);
        expect(uses(text, name)).toBeGreaterThan(0);
      }
    },
  );

  it('is not defined where nothing uses it', () => {
    for (const text of shaders())
      for (const name of names)
        if (text.includes(`const ${name} =`)) expect(uses(text, name)).toBeGreaterThan(0);
  });
});

/** Decimals of the control as they were written out: all that is neither 0, 0.5, 1 nor a whole number. */
const bare = /(?<![\w.])(?!(?:0|0\.0|0\.5|1|1\.0)(?![\w.]))(?:\d+\.\d+|\d+(?:\.\d+)?e-?\d+)(?![\w.])/g;

describe('no number is written out', () => {
  it('is what this test sees', () => {
    for (const text of ['x = 0.9 * y', 'max(1e-30, z)', '5.0;', '(1 + 1e-6)'])
      expect(text.match(bare)).toHaveLength(1);
    for (const text of ['x = 0.0;', 'array<u32, 4>', '0x7f800000u', 'a.x0', '1.0 * z'])
      expect(text.match(bare)).toBeNull();
  });

  it('in the assembly, but for what tells underflow', () => {
    for (const [file, text] of sourcesIn('wasm/assembly'))
      expect([file, text.match(bare)]).toEqual([file, file === 'vectors.ts' ? expect.anything() : null]);
  });

  it('in WGSL, but for the least scale of errors in float32', () => {
    const allowed = ['1e-37'];
    for (const [file, text] of sourcesIn('webgpu').filter(
      ([name]) => name.endsWith('.wgsl.ts') || name === 'shader.ts',
    ))
      expect([file, (text.match(bare) ?? []).filter((number) => !allowed.includes(number))]).toEqual([
        file,
        [],
      ]);
  });
});

describe('codes', () => {
  it('of outcomes are those of all sides', () => {
    for (const name of Object.keys(outcomes) as Outcome[]) {
      const code = outcomeCodes[name];
      expect(outcomeOf(code)).toBe(name);
      const constant = name.toUpperCase().replaceAll('-', '_');
      expect(constantsText()).toContain(`${constant} = ${code},`);
      for (const text of shaders()) expect(text).toContain(`const ${constant} = ${code}u;`);
    }
    expect([outcomeOf(0), outcomeOf(-1), outcomeOf(99)]).toEqual([undefined, undefined, undefined]);
  });

  it('of entries of a report are those of all sides', () => {
    const entries = constantsText().match(/enum Report \{([^}]*)\}/)![1]!;
    expect(entries.match(/\w+ = \d+/g)!.map((line) => line.replaceAll('_', '').toLowerCase())).toEqual(
      Object.entries(report).map(([name, at]) => `${name.toLowerCase()} = ${at}`),
    );
    for (const text of shaders())
      expect([...text.matchAll(/report\[entry \+ (\d+)u\]/g)].map(([, at]) => Number(at)).sort()).toEqual(
        Array.from({ length: REPORT }, (_, i) => i),
      );
    expect(constantsText()).toContain(`DIGITS: f64 = ${real(DIGITS)};`);
    for (const text of shaders()) expect(text).toContain(`const UNIT = ${DIGITS}u;`);
  });

  it('of structures are their places in the registry, each with a file on its side', () => {
    const dispatch = generatedSources('float32', false)['generated/structures.ts']!;
    wasmKinds.forEach((kind, code) => {
      expect(dispatch).toContain(`case ${code}: ${kind}.descent(`);
      expect(() => readFileSync(`${folder('wasm')}assembly/structures/${kind}.ts`)).not.toThrow();
    });
    for (const kind of webgpuKinds)
      expect(() => readFileSync(`${folder('webgpu')}structures/${kind}.wgsl.ts`)).not.toThrow();
  });
});

describe('the parameter block', () => {
  /** What AssemblyScript says of a source that uses the classes. */
  const compiled = async (classes: string): Promise<string> => {
    const source = `${classes}\nexport function check(): void { checkParameters(); checkTrack(); }`;
    const { error, stderr } = await asc.main(['entry.ts', '--noEmit', '--runtime', 'stub'], {
      readFile: (name) => (name === 'entry.ts' ? source : null),
      writeFile: () => undefined,
      listFiles: () => [],
    });
    return error ? stderr.toString() : '';
  };

  it('has its fields where the assembly has them, one beside the other', async () => {
    expect(await compiled(classesText())).toBe('');
    const ends = Object.entries(parameterFields).map(
      ([name, type]) => parameterOffsets[name as keyof typeof parameterOffsets] + (type === 'f64' ? 8 : 4),
    );
    expect(Object.values(parameterOffsets)).toEqual([0, ...ends.slice(0, -1)]);
  });

  it('is not compiled where a field is elsewhere', async () => {
    expect(await compiled(classesText().replace('  rtol: f64;\n', '  other: f64;\n  rtol: f64;\n'))).toMatch(
      'of Parameters is elsewhere',
    );
    expect(await compiled(classesText().replace('  tau: f64;\n', '  tau: f64;\n  other: f64;\n'))).toMatch(
      'of Track is elsewhere',
    );
  });
});
