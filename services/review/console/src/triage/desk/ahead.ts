import type { Claim } from "../../api/schema";

/** The server gives an unopened claim back after a minute; before that it is ours to return. */
export const KEPT_MS = 45_000;

interface Kept {
  readonly claim: Claim;
  readonly since: number;
}

interface Around {
  readonly release: (claimId: string, keepalive?: boolean) => Promise<void>;
  readonly now: () => number;
  readonly onChange: (prepared: boolean) => void;
}

/** At most one claim put aside as the next one, and at most one request for a claim at a time. */
export class Ahead {
  readonly #around: Around;
  #kept: Kept | null = null;
  #asking = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(around: Around) {
    this.#around = around;
  }

  get prepared(): boolean {
    return this.#kept !== null;
  }

  get asking(): boolean {
    return this.#asking > 0;
  }

  get stale(): boolean {
    return this.#kept !== null && this.#around.now() - this.#kept.since > KEPT_MS;
  }

  /** Asks for the next claim and puts it aside, unless it has come too late to be wanted. False: there was none. */
  async look(ask: () => Promise<Claim | null>, wanted: () => boolean): Promise<boolean> {
    const claim = await this.#alone(ask);
    if (!claim) return false;
    // Meanwhile a case may have been put aside as the next one, or another queue chosen: no second one is held.
    if (this.#kept || !wanted()) await this.#around.release(claim.claim_id).catch(() => undefined);
    else this.#put(claim);
    return true;
  }

  /** Gives the prepared claim away: the one named, or any. Null when there is none. */
  use(reviewId: string | null): Claim | null {
    const found = this.#kept;
    if (!found || (reviewId !== null && found.claim.review_id !== reviewId)) return null;
    if (this.stale) {
      void this.giveBack();
      return null;
    }
    this.#put(null);
    return found.claim;
  }

  /** The prepared claim (the one named, or any), else what the server answers; never two requests at once. */
  take(ask: () => Promise<Claim | null>, reviewId: string | null): Promise<Claim | null> {
    // Waiting for a request that is under way may bring the very case that is wanted.
    return this.#alone(async () => {
      const ready = this.use(reviewId);
      if (ready) return ready;
      // Room for the one that is wanted: nobody may hold a third.
      await this.giveBack();
      return ask();
    });
  }

  /** Puts a claim aside as the next one. */
  keep(claim: Claim): void {
    void this.giveBack();
    this.#put(claim);
  }

  /** Gives back what is prepared, or on its way: nobody goes on working here now. */
  rest(): void {
    void this.#alone(async () => {
      await this.giveBack();
      return null;
    });
  }

  async giveBack(keepalive = false): Promise<void> {
    const left = this.#kept;
    this.#put(null);
    // The server does the same after a minute, should this one not be heard.
    if (left) await this.#around.release(left.claim.claim_id, keepalive).catch(() => undefined);
  }

  #put(claim: Claim | null): void {
    this.#kept = claim && { claim, since: this.#around.now() };
    this.#around.onChange(claim !== null);
  }

  /** One request for a claim at a time: two at once would be given the same one, or one too many. */
  #alone(ask: () => Promise<Claim | null>): Promise<Claim | null> {
    this.#asking += 1;
    const answer = this.#last.then(ask, ask).finally(() => {
      this.#asking -= 1;
    });
    this.#last = answer.catch(() => undefined);
    return answer;
  }
}
