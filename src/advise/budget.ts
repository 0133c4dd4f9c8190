/** Budgets of parameters, as they are asked for. */
import { InputError } from '../host/inputError.js';

export interface Budget {
  /** As it was asked for: `0.5%`, `200000`. */
  readonly text: string;
  /** Name of a folder: `0.5pct`, `200000`. */
  readonly folder: string;
  /** Most parameters. */
  readonly parameters: number;
}

/** @throws InputError if a text is no share above 0 and up to 100 %, nor a whole number from 1, or is there twice */
export function budgets(texts: readonly string[], ofBase: number): Budget[] {
  const all = texts.map((text) => {
    const [, digits, percent] = /^\s*(\d+(?:\.\d*)?|\.\d+)(%?)\s*$/.exec(text) ?? [];
    const number = Number(digits);
    const isShare = percent === '%';
    if (digits === undefined || number <= 0 || (isShare ? number > 100 : !Number.isSafeInteger(number)))
      throw new InputError(
        'budget',
        text,
        "a whole number from 1, or a share of BASE's parameters such as 0.5%",
      );
    return {
      text: text.trim(),
      folder: isShare ? `${number}pct` : String(number),
      parameters: isShare ? Math.floor((number / 100) * ofBase) : number,
    };
  });
  const repeated = all.find(({ folder }, i) => all.findIndex((other) => other.folder === folder) < i);
  if (repeated) throw new InputError('budget', repeated.text, 'given once');
  return all;
}
