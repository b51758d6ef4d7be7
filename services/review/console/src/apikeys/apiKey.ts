import type { ApiKey } from "../api/schema";
import { moment, span } from "../format/time";

const DAY_MS = 24 * 60 * 60_000;
/** Time enough to put another key in a program's place. */
const SOON_MS = 7 * DAY_MS;

export type Standing = "good" | "ending" | "over";

export interface ReadKey {
  readonly standing: Standing;
  readonly words: string;
}

/** Whether a key is still in force, and until when. */
export function standingOf({ expires_at: end, revoked_at: revoked }: ApiKey, now: number): ReadKey {
  if (revoked) return { standing: "over", words: `revoked ${moment(revoked, now)}` };
  const left = Date.parse(end) - now;
  if (left <= 0) return { standing: "over", words: `ended ${moment(end, now)}` };
  if (left <= SOON_MS) return { standing: "ending", words: `ends in ${span(left)}` };
  return { standing: "good", words: `until ${moment(end, now)}` };
}

/** Keys in force, the one that ends first at the top; and those that are over, the latest first. */
export function sorted(keys: readonly ApiKey[], now: number): Readonly<Record<"good" | "over", readonly ApiKey[]>> {
  const isOver = (key: ApiKey) => standingOf(key, now).standing === "over";
  const end = ({ revoked_at: revoked, expires_at: expires }: ApiKey) => Date.parse(revoked ?? expires);
  return {
    good: keys.filter((key) => !isOver(key)).toSorted((one, other) => end(one) - end(other)),
    over: keys.filter(isOver).toSorted((one, other) => end(other) - end(one)),
  };
}
