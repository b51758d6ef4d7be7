import { describe, expect, it } from "vitest";

import type { Claim } from "../../api/schema";
import { type Desk, reduceDesk } from "./desk";
import { Hold } from "./hold";

const claim = (id: string, more: Partial<Claim> = {}) =>
  ({
    claim_id: id,
    version: 1,
    lease_expires_at: "2026-03-02T10:10:00Z",
    opened_at: null,
    shown_sha256: "v1",
    shown_sha256_all: ["v1"],
    ...more,
  }) as Claim;
const lease = (version: number) => ({ version, lease_expires_at: "2026-03-02T10:20:00Z" });

describe("the desk", () => {
  const open: Desk = reduceDesk(
    { phase: "opening" },
    { type: "shown", hold: new Hold(claim("c1")), claim: claim("c1") },
  );

  it("tells the lease once the server knows that the case is open", () => {
    expect(open).toMatchObject({ phase: "open", leaseExpiresAt: null });
    const renewed = reduceDesk(open, { type: "renewed", claimId: "c1", lease: lease(2) });
    expect(renewed).toMatchObject({ leaseExpiresAt: "2026-03-02T10:20:00Z" });
  });

  it("does not take news of a claim that has left it", () => {
    expect(reduceDesk(open, { type: "renewed", claimId: "c0", lease: lease(2) })).toBe(open);
    expect(reduceDesk(open, { type: "ended", claimId: "c0", why: "", gone: false })).toBe(open);
  });

  it("tells once what comes first by now, and forgets it with the case or at a word", () => {
    const by = { review_id: "r2", title: "urgent", due_at: "2026-03-02T10:05:00Z" };
    const overtaken = reduceDesk(open, { type: "overtaken", claimId: "c1", by });
    expect(overtaken).toMatchObject({ overtaken: by });
    expect(reduceDesk(overtaken, { type: "overtaken", claimId: "c1", by: null })).toMatchObject({ overtaken: null });
    expect(reduceDesk(open, { type: "overtaken", claimId: "c0", by })).toBe(open);
    const next = reduceDesk(overtaken, { type: "shown", hold: new Hold(claim("c2")), claim: claim("c2") });
    expect(next).toMatchObject({ overtaken: null });
  });

  it("keeps the case in view when its hold ends", () => {
    const ended = reduceDesk(open, { type: "ended", claimId: "c1", why: "ran out", gone: false });
    expect(ended).toMatchObject({ phase: "ended", why: "ran out", claim: { claim_id: "c1" } });
  });
});

describe("a hold", () => {
  it("measures attention from the opening on, or not at all", () => {
    expect(new Hold(claim("c1")).attention).not.toBeNull();
    expect(new Hold(claim("c1", { opened_at: "2026-03-02T10:00:00Z" })).attention).toBeNull();
  });

  it("remembers every view that was shown, once", () => {
    const hold = new Hold(claim("c1"));
    expect(hold.see(claim("c1"))).toBe(false);
    expect(hold.see(claim("c1", { shown_sha256: "v2", shown_sha256_all: ["v1", "v2"], version: 3 }))).toBe(true);
    expect(hold.shown).toEqual(["v1", "v2"]);
    expect(hold.see(claim("c1"))).toBe(false);
    expect(hold.shown).toEqual(["v1", "v2"]);
  });

  it("knows after a reload what was shown before it", () => {
    expect(new Hold(claim("c1", { shown_sha256: "v2", shown_sha256_all: ["v1", "v2"] })).shown).toEqual(["v1", "v2"]);
  });

  it("is never taken back to an older version by a look that was slow", async () => {
    const hold = new Hold(claim("c1", { version: 5 }));
    hold.see(claim("c1", { version: 4 }));
    expect(await hold.finish((version) => Promise.resolve(version))).toBe(5);
  });

  it("lets a decision wait for the heartbeat under way, and quote its version", async () => {
    const hold = new Hold(claim("c1"));
    let answer: (value: { version: number; lease_expires_at: string }) => void = () => undefined;
    const beat = hold.renew(
      () => new Promise<{ version: number; lease_expires_at: string }>((resolve) => (answer = resolve)),
    );
    const decided = hold.finish((version) => Promise.resolve(version));
    await Promise.resolve();
    answer(lease(7));
    await beat;
    expect(await decided).toBe(7);
  });

  it("goes on after a write that failed", async () => {
    const hold = new Hold(claim("c1"));
    await expect(hold.renew(() => Promise.reject(new Error("down")))).rejects.toThrow("down");
    expect(await hold.finish((version) => Promise.resolve(version))).toBe(1);
  });
});
