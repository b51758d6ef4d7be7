const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export type Urgency = "calm" | "soon" | "late";

export interface Due {
  readonly text: string;
  readonly urgency: Urgency;
}

/** A span in the units that matter, each written out: "38 min", "2 h 10 min", "3 days". Never negative. */
export function span(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / MINUTE_MS));
  if (minutes < 1) return "under a minute";
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  if (hours < 4 && rest > 0) return `${hours} h ${rest} min`;
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}

/** What a deadline means now. It is "soon" from its own warning time on, or within the last hour. */
export function due(dueAt: string | null | undefined, atRiskAt: string | null | undefined, nowMs: number): Due | null {
  if (!dueAt) return null;
  const left = Date.parse(dueAt) - nowMs;
  if (left < 0) return { text: `${span(-left)} late`, urgency: "late" };
  const warned = atRiskAt ? Date.parse(atRiskAt) <= nowMs : left <= HOUR_MS;
  return { text: `due in ${span(left)}`, urgency: warned ? "soon" : "calm" };
}

/** Whole minutes and seconds left, "9 min 41 s", never more than there are. */
export function countdown(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  return `${minutes > 0 ? `${minutes} min ` : ""}${seconds % 60} s`;
}

/** How long ago, in words; from a month on the date that it was where the reader is. */
export function ago(at: string, nowMs: number): string {
  const passed = nowMs - Date.parse(at);
  if (passed < MINUTE_MS) return "just now";
  if (passed < 30 * DAY_MS) return `${span(passed)} ago`;
  return DAY.format(new Date(at));
}

// Sweden writes a date as the standard does: the year first, and nobody takes the day for the month.
const DAY = new Intl.DateTimeFormat("sv-SE");
const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
  timeZoneName: "short",
});
const DAY_AND_CLOCK = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  // Which has the time zone, too.
  timeStyle: "long",
  hourCycle: "h23",
});

/** The time of day where the reader is, and which zone that is of; with the date when it is not today. */
export function moment(at: string, nowMs: number): string {
  const date = new Date(at);
  const today = date.toDateString() === new Date(nowMs).toDateString();
  return unbroken((today ? CLOCK : DAY_AND_CLOCK).format(date));
}

/** A time whose zone lies west of Greenwich, with a minus: at the hyphen that browsers write a line may end. */
export function unbroken(text: string): string {
  return text.replace(/(GMT|UTC)-/u, "$1\u2212");
}
