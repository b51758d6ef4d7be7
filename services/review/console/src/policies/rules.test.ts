import { describe, expect, it } from "vitest";

import { rulesOf } from "./rules";

describe("the rules of a policy", () => {
  it("stand in the order in which they bind, and say what they do", () => {
    const rules = rulesOf({
      adjust: [
        { id: "new", when: "case.new", text: "Be surer.", bands: { high: 0.05, medium: 0 }, only_tiers: ["low"] },
      ],
      exceptions: [{ id: "threat", when: "case.threat", text: "A threat.", level: 4, queue: "legal_team" }],
      never_automate: { when: "case.first", text: "Never." },
      reviewers: { four_eyes_when: "case.amount > 1000.0" },
      must_document: ["override", "remove"],
    });
    expect(rules.map(({ id, does }) => [id, does])).toEqual([
      ["never_automate", "a person decides"],
      ["threat", "level 4, queue legal team"],
      ["new", "high band +0.05, only low"],
      ["four_eyes", "two people decide, the second unseen"],
      ["must_document", "a reason must be given"],
    ]);
  });

  it("are none where a policy has none, or is not what was expected", () => {
    expect(rulesOf({})).toEqual([]);
    expect(rulesOf({ exceptions: "none", adjust: null, must_document: [] })).toEqual([]);
  });
});
