/** How much of a silence still counts as reading; what is longer was a pause. */
export const IDLE_MS = 60_000;

export interface Attended {
  readonly active_seconds: number;
  readonly first_action_seconds: number | null;
}

/**
 * How long somebody attended to one case: while its page was visible and had the focus, without the idle gaps. Only
 * spans leave the browser, never what was done in them. Moments are of a clock that nobody can set.
 */
export class Attention {
  readonly #now: () => number;
  readonly #shown: number;
  #active = 0;
  #since: number | null = null;
  #first: number | null = null;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#shown = now();
  }

  /** The page is in front of its reader, or no longer. */
  attend(here: boolean): void {
    this.#count();
    this.#since = here ? this.#now() : null;
  }

  /** The reader moved, scrolled, typed: the silence before it was no longer than this. */
  stir(): void {
    this.#count();
  }

  /** The reader pressed something. */
  act(): void {
    this.#count();
    this.#first ??= this.#now() - this.#shown;
  }

  read(): Attended {
    this.#count();
    return { active_seconds: seconds(this.#active), first_action_seconds: this.#first && seconds(this.#first) };
  }

  #count(): void {
    if (this.#since === null) return;
    const now = this.#now();
    this.#active += Math.min(now - this.#since, IDLE_MS);
    this.#since = now;
  }
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
