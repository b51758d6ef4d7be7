import { describe, expect, it } from "vitest";

import { type Change, staleAfter, union } from "./news";

const change = (more: Partial<Change>): Change => ({
  kind: "waiting",
  tenant: "default",
  case_id: "loan-1",
  queue: "underwriting",
  review_id: null,
  ...more,
});

describe("what changed at the desk", () => {
  it("makes its queue and its case old, and no other", () => {
    const keys = staleAfter(change({}));
    expect(keys).toContainEqual(["queue", "underwriting"]);
    expect(keys).toContainEqual(["case", "default", "loan-1"]);
  });

  it("makes all of them old when it names none", () => {
    expect(staleAfter(change({ case_id: null, queue: null }))).toEqual(expect.arrayContaining([["queue"], ["case"]]));
  });

  it("is read once however often it is told", () => {
    const keys = [...staleAfter(change({})), ...staleAfter(change({})), ...staleAfter(change({ queue: "refunds" }))];
    expect(union(keys)).toHaveLength(staleAfter(change({})).length + 1);
  });
});
