import type { Claim, Lease } from "../../api/schema";
import { Attention } from "./attention";

/**
 * What every write to one claim needs: its version, handed from write to write, and the digests of all
 * that was shown. Writes wait for each other: a decision sent while a heartbeat is under way would quote
 * a version that is about to be old.
 */
export class Hold {
  readonly claimId: string;
  readonly reviewId: string;
  /** Null where the case was open before: nothing is said rather than less than was read. */
  readonly attention: Attention | null;
  #version: number;
  #shown: readonly string[];
  #last: Promise<unknown> = Promise.resolve();

  constructor(claim: Claim) {
    this.claimId = claim.claim_id;
    this.reviewId = claim.review_id;
    this.attention = claim.opened_at === null ? new Attention() : null;
    this.#version = claim.version;
    // All of them: a page that was loaded again has forgotten what it showed before.
    this.#shown = claim.shown_sha256_all;
  }

  /** Digests of every view of the case that was shown, oldest first. */
  get shown(): readonly string[] {
    return this.#shown;
  }

  /** Takes in what the server served again; true when it was another view than those before. */
  see(claim: Claim): boolean {
    this.#version = Math.max(this.#version, claim.version);
    if (this.#shown.includes(claim.shown_sha256)) return false;
    this.#shown = claim.shown_sha256_all;
    return true;
  }

  /** Extends or opens: the answer carries the next version. */
  renew<T extends Lease>(send: (version: number) => Promise<T>): Promise<T> {
    return this.#after(async () => {
      const lease = await send(this.#version);
      this.#version = lease.version;
      return lease;
    });
  }

  /** Ends the claim: nothing follows that would need a version. */
  finish<T>(send: (version: number) => Promise<T>): Promise<T> {
    return this.#after(() => send(this.#version));
  }

  #after<T>(run: () => Promise<T>): Promise<T> {
    const next = this.#last.then(run, run);
    this.#last = next;
    return next;
  }
}
