import type { Proportion } from "../api/feedback";

/** A share as a percentage with as many places as its size needs: 0.004 is "0.4 %", 0.61 is "61 %". */
export function share(value: number): string {
  const points = value * 100;
  if (points === 0 || points >= 10) return `${Math.round(points)} %`;
  return `${Number(points.toPrecision(2))} %`;
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
