/** Maps a value of [from, to] onto pixels of [start, end]. Values outside are drawn at the edge. */
export interface Scale {
  (value: number): number;
  readonly ticks: readonly number[];
}

export function linear(from: number, to: number, start: number, end: number, ticks: readonly number[]): Scale {
  const span = to - from || 1;
  const scale = (value: number) => {
    const share = Math.min(1, Math.max(0, (value - from) / span));
    return start + share * (end - start);
  };
  return Object.assign(scale, { ticks });
}

/** A round upper end for an axis from 0 that shows `most`, with its ticks: 0.041 gives 0, 0.02, 0.04, 0.06. */
export function ticksTo(most: number, about = 4): readonly number[] {
  if (!(most > 0)) return [0, 1];
  const raw = most / about;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((one) => one >= raw * (1 - 1e-9)) ?? raw;
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

type Point = readonly [number, number];

/** An SVG path through points. */
export function line(points: readonly Point[]): string {
  return points.map(([x, y], index) => `${index === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

/** A closed SVG path between an upper and a lower edge. */
export function band(upper: readonly Point[], lower: readonly Point[]): string {
  return upper.length === 0 ? "" : `${line([...upper, ...lower.toReversed()])}Z`;
}
