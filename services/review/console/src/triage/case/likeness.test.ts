import { expect, it } from "vitest";

import type { SimilarCase } from "../../api/schema";
import { difference, share, tally } from "./likeness";

const similar = (more: Partial<SimilarCase>): SimilarCase => ({
  tenant: "default",
  case_id: "loan-1",
  decision_type: "loan_application",
  title: "$ 119,000 mortgage",
  routed_at: "2026-11-01T00:00:00Z",
  decided_at: "2026-11-02T00:00:00Z",
  state: "decided",
  outcome: "approve",
  outcome_label: "Approve",
  likeness: 0.87,
  alike_in: ["Term"],
  differs_in: [],
  ...more,
});

it("names the first differences and counts the rest", () => {
  expect(difference(similar({ differs_in: ["Net worth"] }))).toBe("differs: Net worth");
  expect(difference(similar({ differs_in: ["Net worth", "Units", "Term", "Age"] }))).toBe(
    "differs: Net worth, Units, 2 more",
  );
  expect(difference(similar({}))).toBe("nothing differs");
  expect(difference(similar({ alike_in: [] }))).toBe("");
});

it("tells how they ended, the most frequent outcome first", () => {
  const declined = similar({ outcome: "decline", outcome_label: "Decline" });
  expect(tally([declined, similar({}), similar({})])).toBe("2 Approve, 1 Decline");
  expect(tally([similar({ outcome: null, outcome_label: null })])).toBe("");
});

it("calls nothing the same that is only nearly so", () => {
  expect(share(0.999)).toBe("99 %");
  expect(share(1)).toBe("100 %");
});
