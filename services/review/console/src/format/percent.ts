/** A probability as a whole percentage; never rounded up to certainty or down to impossibility. */
export function percent(probability: number): string {
  const rounded = Math.round(probability * 100);
  if (rounded === 100 && probability < 1) return "over 99 %";
  if (rounded === 0 && probability > 0) return "under 1 %";
  return `${rounded} %`;
}
