/** What a plot of lines over time is made of, and how the lines of trials are drawn. */

/** A kind of line and how it is drawn; kinds are what the legend lists, in this order. */
export interface Kind {
  readonly name: string;
  readonly color: string;
  readonly dash: readonly number[];
  readonly width: number;
  readonly opacity: number;
}

export interface Line {
  readonly kind: string;
  /** Values at the report's times, or one value for a horizontal rule. */
  readonly values: readonly number[] | number;
  /** A line that may leave the picture downwards and has no say in how deep the axis goes. */
  readonly leaves?: boolean;
}

export interface LinePlot {
  readonly id: string;
  readonly heading: string;
  readonly title: string;
  readonly quantity: string;
  readonly choice: 'auto' | 'log' | 'linear';
  readonly reading: string;
  readonly kinds: readonly Kind[];
  readonly lines: readonly Line[];
}

export function trialOpacity(count: number): number {
  return Math.max(0.25, Math.min(1, 4 / Math.sqrt(count + 1)));
}

/** A few trials are drawn wide enough to show on either side of the closed form's dashes. */
export function trialWidth(count: number): number {
  return count <= 4 ? 3 : 1;
}
