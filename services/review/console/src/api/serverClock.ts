/**
 * The server's clock, as far as its Date header tells. Leases and undo times end by it, and a
 * reviewer's own clock may be minutes off.
 */
let offsetMs = 0;

// The header has whole seconds, so a smaller difference is only rounding.
const ROUNDING_MS = 1_500;

/** The offset that follows from one answer: `date` header, received at `nowMs`. */
export function offsetFrom(date: string | null, nowMs: number): number {
  const serverMs = date ? Date.parse(date) + 500 : Number.NaN;
  if (Number.isNaN(serverMs)) return 0;
  const difference = serverMs - nowMs;
  return Math.abs(difference) > ROUNDING_MS ? difference : 0;
}

export function noteDate(date: string | null): void {
  if (date) offsetMs = offsetFrom(date, Date.now());
}

export function serverNow(): number {
  return Date.now() + offsetMs;
}
