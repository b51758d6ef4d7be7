/**
 * A probability as a percentage; never rounded up to certainty or down to impossibility, nor onto one of
 * the `limits` it lies beside: 89.6 % is not "90 %" where 90 is what makes the difference.
 */
export function percent(probability: number, limits: readonly number[] = []): string {
  const rounded = Math.round(probability * 100);
  if (rounded === 100 && probability < 1) return "over 99 %";
  if (rounded === 0 && probability > 0) return "under 1 %";
  const beside = limits.some((limit) => limit !== probability && Math.round(limit * 100) === rounded);
  return beside ? `${(probability * 100).toFixed(1)} %` : `${rounded} %`;
}
