import type { Claim, Lease } from "../../api/schema";

/**
 * The version of one claim, handed from write to write. Writes wait for each other: a decision sent
 * while a heartbeat is under way would quote a version that is about to be old.
 */
export class Hold {
  readonly claim: Claim;
  #version: number;
  #last: Promise<unknown> = Promise.resolve();

  constructor(claim: Claim) {
    this.claim = claim;
    this.#version = claim.version;
  }

  /** Extends or opens: the answer carries the next version. */
  renew(send: (version: number) => Promise<Lease>): Promise<Lease> {
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
