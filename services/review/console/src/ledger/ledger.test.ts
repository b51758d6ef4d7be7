import { describe as suite, expect, it } from "vitest";

import { NoAnswer, Refused } from "../api/problem";
import {
  describe,
  type Entry,
  type LedgerEvent,
  type Progress,
  ofPerson,
  reduceLedger,
  undoable,
  unanswered,
} from "./ledger";
import { untilAnswered } from "./record";

const NOW = Date.parse("2026-03-02T10:00:00Z");
const LEAVES = "2026-03-02T10:00:05Z";
const subject = {
  claimId: "c1",
  reviewId: "r1",
  queue: "underwriting",
  tenant: "default",
  caseId: "loan-1",
  title: "$ 125,000 mortgage",
  outcomeLabel: "Approve",
};
const recorded: Progress = { phase: "recorded", decisionId: "d1", leavesAt: LEAVES };

const after = (...events: LedgerEvent[]): readonly Entry[] => events.reduce<readonly Entry[]>(reduceLedger, []);
const submitted: LedgerEvent = { type: "submitted", id: "1", person: "ada", subject };
const progressed = (progress: Progress): LedgerEvent => ({ type: "progressed", id: "1", progress });

suite("the ledger of decisions", () => {
  it("says nothing is recorded before the server answered", () => {
    const entries = after(submitted);
    expect(unanswered(entries)).toBe(1);
    expect(describe(entries[0]!, NOW)).toBe("being recorded...");
    expect(undoable(entries, NOW)).toBeUndefined();
  });

  it("is one person's own", () => {
    const entries = after(submitted);
    expect(ofPerson(entries, "ada")).toEqual(entries);
    expect(ofPerson(entries, "bea")).toEqual([]);
    expect(ofPerson(entries, undefined)).toEqual([]);
  });

  it("tells a lost connection from a slow one", () => {
    const entries = after(submitted, progressed({ phase: "sending", waitingForServer: true }));
    expect(describe(entries[0]!, NOW)).toContain("no connection");
  });

  it("counts down to the moment the decision leaves, and offers undo until then", () => {
    const entries = after(submitted, progressed(recorded));
    expect(unanswered(entries)).toBe(0);
    expect(describe(entries[0]!, NOW)).toBe("recorded, leaves in 5 s");
    expect(undoable(entries, NOW)).toBe(entries[0]);
    expect(undoable(entries, NOW + 5_000)).toBeUndefined();
    expect(describe(entries[0]!, NOW + 5_001)).toBe("recorded, leaving");
  });

  it("is not taken backwards by news that arrives late", () => {
    const entries = after(submitted, progressed(recorded), progressed({ phase: "undone" }), progressed(recorded));
    expect(entries[0]?.progress.phase).toBe("undone");
  });

  it("lets a refused undo fall back to recorded", () => {
    const undoing: Progress = { ...recorded, phase: "undoing" } as Progress;
    const entries = after(submitted, progressed(recorded), progressed(undoing), progressed(recorded));
    expect(entries[0]?.progress.phase).toBe("recorded");
  });
});

suite("sending a decision", () => {
  it("goes on through silence with the same attempt and stops at the answer", async () => {
    const answers = [new NoAnswer("down"), new NoAnswer("down"), "recorded"];
    let silences = 0;
    const answer = await untilAnswered({
      send: () => {
        const next = answers.shift();
        return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
      },
      wait: () => Promise.resolve(),
      onSilence: () => (silences += 1),
    });
    expect(answer).toBe("recorded");
    expect(silences).toBe(2);
  });

  it("takes a refusal for an answer", async () => {
    const refusal = new Refused(409, { detail: "Grace decided Decline at 10:02." });
    await expect(
      untilAnswered({ send: () => Promise.reject(refusal), wait: () => Promise.resolve(), onSilence: () => undefined }),
    ).rejects.toBe(refusal);
  });
});
