/** Advice on a pair of checkpoints in the lab's worker: the files of both sides, and what was decomposed of them. */
import { CONFIG_FILE, TENSORS_FILE, writeAdapters } from '../advise/adapters.js';
import { advise, adviceWithin, type Advised } from '../advise/advise.js';
import { budgets } from '../advise/budget.js';
import { adviseSchema, type AdapterType, type AdviseConfig } from '../advise/config.js';
import { adviceRecord, weightRecords, type Written } from '../advise/records.js';
import { allocationRows, answers, evaluation, notes, weightRows } from '../advise/report.js';
import { errorCurves, placesOf } from '../advise/shown.js';
import { processorName } from '../backend/processor.js';
import { openCheckpoint } from '../files/checkpoint.js';
import { addFile, removeFile, type FileBytes } from '../files/disk.js';
import { safetensorsWriter } from '../files/safetensorsWriter.js';
import { InputError } from '../host/inputError.js';
import { provenance } from '../host/provenance.js';
import { checkConfig } from '../input/checkConfig.js';
import { configFromText } from '../input/fromText.js';
import { csv } from '../results/tables.js';
import { commandOf } from './flags.js';
import * as protocol from './protocol.js';

interface Side {
  readonly label: string;
  readonly names: readonly string[];
}

/** Advice, and what it was asked for. */
interface Held extends Written, Advised {
  readonly settings: protocol.AdviseSettings;
}

export class Adviser {
  private readonly sides = new Map<protocol.Side, Side>();
  private held: Held | null = null;
  private written: protocol.WrittenAdapter | null = null;

  /**
   * Takes the files of a side in the place of those before.
   * @param files by their names in the folder of the side
   * @throws InputError if they are no checkpoint; the side is empty then
   */
  give(side: protocol.Side, label: string, files: ReadonlyMap<string, FileBytes>): protocol.Given {
    const folder = protocol.sideNames[side];
    const nameOf = (path: string) => `${folder}/${path}`;
    this.held = null;
    this.written = null;
    this.sides.get(side)?.names.forEach(removeFile);
    this.sides.delete(side);
    const names = [...files.keys()].map(nameOf);
    if (names.length === 0) throw new InputError(folder, 'no files', 'a checkpoint');
    files.forEach((bytes, path) => addFile(nameOf(path), bytes));
    try {
      const { names: tensors } = openCheckpoint(folder);
      this.sides.set(side, { label, names });
      return { label, tensors: tensors.length };
    } catch (error) {
      names.forEach(removeFile);
      throw error;
    }
  }

  /**
   * Decomposes what changed, in the place of the advice before.
   * @param pass called and waited for after each weight; what it throws ends the work
   * @throws InputError if a side is not there, and as `advise`
   */
  async advise(
    settings: protocol.AdviseSettings,
    pass: (done: number, total: number) => Promise<void>,
  ): Promise<void> {
    this.held = null;
    this.written = null;
    const config = configOf(settings);
    const [base, tuned] = [this.labelOf('base'), this.labelOf('tuned')];
    const processor = { name: 'cpu', device: await processorName(), precision: 'float64' };
    const origin = provenance(processor, 0, { base, tuned, ...config });
    let total = 0;
    const advised = await advise(protocol.sideNames.base, protocol.sideNames.tuned, config, {
      start: (weights) => void (total = weights),
      done: (weights) => pass(weights, total),
    });
    this.held = { ...advised, ...{ settings, base, tuned, config }, provenance: origin };
  }

  /** The advice within these budgets, which is what `file` gives from then on. @throws InputError for one that is none */
  within(budget: string): protocol.AdviceView {
    const { advice: before, source, base, tuned, ...asked } = this.current();
    const settings = { ...asked.settings, budget };
    const config = configOf(settings);
    const advice = {
      ...before,
      budgets: budgets(config.budget, before.parameters).map((each) => adviceWithin(before.weights, each)),
    };
    const origin = { ...asked.provenance, config: { base, tuned, ...config } };
    this.held = { ...{ settings, advice, source, base, tuned, config }, provenance: origin };
    return viewOf(this.held);
  }

  file(format: 'json' | 'csv'): string {
    const held = this.current();
    return format === 'csv'
      ? csv(weightRecords(held.advice))
      : `${JSON.stringify(adviceRecord(held.advice, held), null, 2)}\n`;
  }

  /** Writes the adapter of a budget, in the place of the one before. `pass` as in `advise`. @throws InputError */
  async writeAdapter(
    place: number,
    dtype: AdapterType,
    pass: (done: number, total: number) => Promise<void>,
  ): Promise<void> {
    this.written = null;
    const { advice, source, base, config } = this.current();
    const budget = advice.budgets[place];
    if (!budget || budget.parameters === 0)
      throw new InputError('budget', budget?.budget.text ?? place, 'one that has room for a direction');
    // A browser keeps what is in Blobs out of the worker's memory, and large ones on disk.
    const parts: Blob[] = [];
    let text = '';
    let total = 0;
    const [error] = await writeAdapters(
      () => ({
        config: (given) => void (text = given),
        tensors: (planned, metadata) =>
          safetensorsWriter(
            {
              put: (bytes) => void parts.push(new Blob([bytes.slice()])),
              finish: () => undefined,
              discard: () => undefined,
            },
            planned,
            metadata,
          ),
      }),
      base,
      { advice: { ...advice, budgets: [budget] }, source },
      { names: config.names, dtype },
      { start: (weights) => void (total = weights), done: (weights) => pass(weights, total) },
    );
    this.written = {
      error: error!,
      files: [
        { name: CONFIG_FILE, content: new Blob([text], { type: 'application/json' }) },
        { name: TENSORS_FILE, content: new Blob(parts) },
      ],
    };
  }

  adapter(): protocol.WrittenAdapter {
    if (!this.written) throw new InputError('adapter', 'none', 'asked for after it was written');
    return this.written;
  }

  private current(): Held {
    if (!this.held) throw new InputError('advice', 'none', 'asked for after both checkpoints were compared');
    return this.held;
  }

  private labelOf(side: protocol.Side): string {
    const given = this.sides.get(side);
    if (!given) throw new InputError(protocol.sideNames[side], 'no files', 'given first');
    return given.label;
  }
}

const configOf = ({ budget, maxRank, roundedBase }: protocol.AdviseSettings): AdviseConfig =>
  checkConfig(
    adviseSchema,
    configFromText(adviseSchema, {
      budget: budget.replaceAll(/\s+/g, ''),
      'max-rank': maxRank,
      'rounded-base': roundedBase,
    }),
  );

function viewOf({ settings, advice, base, config }: Held): protocol.AdviceView {
  const { maxRank, roundedBase } = settings;
  const [warning] = evaluation(base, advice, config);
  return {
    answers: answers(advice),
    places: placesOf(advice.weights),
    budgets: advice.budgets.map((each) => ({ text: each.budget.text, ranks: each.ranks })),
    curves: errorCurves(advice).map(({ name, role, points }) => ({
      ...{ name, role },
      points: points.map(({ parameters, error }) => ({ parameters, error })),
    })),
    allocations: allocationRows(advice, config),
    weights: weightRows(advice),
    notes: [...notes(advice, config), warning!],
    leftOut: advice.leftOut,
    command: `${commandOf('advise BASE TUNED', { budget: config.budget.join(), 'max-rank': maxRank })}${roundedBase ? ' --rounded-base' : ''}`,
  };
}
