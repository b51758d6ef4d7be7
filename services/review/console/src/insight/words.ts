import type { Assessment, Figures, Proportion } from "../api/feedback";

/**
 * A share as the reports and the command line write it: one decimal, two below 0.1 %, none at the ends, to which nothing
 * is rounded.
 */
export function share(value: number): string {
  const points = value * 100;
  if (points === 0 || points === 100) return `${points} %`;
  if (points < 0.005) return "under 0.01 %";
  if (points >= 99.95) return "over 99.9 %";
  return `${points.toFixed(points < 0.1 ? 2 : 1)} %`;
}

/** The interval in the same unit, "[0.3, 2.3]". */
export function interval({ lower, upper }: { readonly lower: number; readonly upper: number }): string {
  return `[${bare(lower)}, ${bare(upper)}]`;
}

function bare(value: number): string {
  return share(value).replace(" %", "");
}

/** What a figure rests on: its interval and counts, or how many are still missing. */
export function basis(figure: Proportion, unit: string): string {
  if (figure.rate === null) return `not enough yet: ${figure.n} of ${figure.needed} ${unit}`;
  return `${interval(figure)} \u00b7 ${figure.k} of ${figure.n} ${unit}`;
}

/** Whose answers a curve is drawn from, and how many: those that count once all had the same chance of being drawn. */
export function populationWords({ population, labels, kept }: Assessment): string {
  const rest = kept === labels ? "" : ` of ${labels} labels, thinned to one chance`;
  return `${population.model_name} ${population.model_version}, n = ${kept}${rest}`;
}

/** Drawn cases without an answer: what is shown leaves them out, what is proposed does not. */
export function unjudgedWords(count: number): string {
  return count === 1
    ? "1 drawn case has no answer yet: it is left out here, and counts as wrong where a certificate is proposed."
    : `${count} drawn cases have no answer yet: they are left out here, and count as wrong where a certificate is proposed.`;
}

/** The share that stands for all automatic decisions, where audits were drawn unevenly and the plain one does not. */
export function weighted({ audit_error: plain, audit_error_weighted: found }: Figures): string | null {
  if (found.even || found.share === null || plain.rate === null) return null;
  return `weighted ${share(found.share)}`;
}

/** An e-value, given by its logarithm, in the words of an axis: 20, 1, 1/100, 1/1e6. */
export function amount(logarithm: number): string {
  const size = Math.abs(logarithm);
  // Beyond that nobody reads digits, and beyond 700 a number cannot hold it.
  const value = size > Math.log(9_999) ? `1e${Math.round(size / Math.LN10)}` : rounded(Math.exp(size));
  return logarithm < 0 && value !== "1" ? `1/${value}` : value;
}

function rounded(value: number): string {
  return value < 10 ? String(Number(value.toPrecision(2))) : String(Math.round(value));
}

interface Axis {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
}

const LEAST_SPAN = Math.log(100);

/** An axis of logarithms that shows the whole way, where evidence begins, and the alarm. */
export function evidenceScale(logarithms: readonly number[], bar: number): Axis {
  const low = Math.min(-LEAST_SPAN, ...logarithms);
  const high = Math.max(bar * 1.35, ...logarithms);
  const apart = (high - low) / 8;
  const ends = [low, high].filter((end) => Math.abs(end) > apart && Math.abs(end - bar) > apart);
  const begin = bar > apart / 2 ? [0] : [];
  return { from: low, to: high, ticks: [...begin, bar, ...ends].toSorted((one, other) => one - other) };
}
