/** The last that a record can be of. Without it browsers take years of six digits. */
export const LAST_DAY = "9999-12-31";

const DAY = /^\d{4}-\d\d-\d\d$/u;
const WRITTEN = /^(?!0000)\d{4}-/u;

/** Whether this is a day, written year first; no calendar has a 30th of February. */
export function isDay(text: string): boolean {
  if (!DAY.test(text)) return false;
  const known = new Date(`${text}T00:00:00Z`);
  // Which JavaScript takes for the 2nd of March.
  return known.getUTCDate() === Number(text.slice(8));
}

/**
 * When a day begins where the reader is, or one so many days on. Null for what is no day, and where the moment would
 * lie before the year 1 or after 9999: nothing has happened there.
 */
export function startOfDay(day: string, daysOn = 0): string | null {
  if (!isDay(day)) return null;
  const [year, month, date] = day.split("-").map(Number) as [number, number, number];
  const start = new Date(2000, 0, 1);
  // In one step: a day that begins at one in the morning, because clocks go forward, would pass that on to the next.
  start.setFullYear(year, month - 1, date + daysOn);
  const written = start.toISOString();
  return WRITTEN.test(written) ? written : null;
}
