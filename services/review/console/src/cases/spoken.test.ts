import { describe, expect, it } from "vitest";

import { spoken } from "./spoken";

const labels = new Map([["partial", "Refund in part"]]);

describe("an entry of the log", () => {
  it.each([
    ["The AI proposed 'partial', 96.4 % confident.", "The AI proposed \u201cRefund in part\u201d, 96.4 % confident."],
    ["u_1 (reviewer) opened the case.", "You (reviewer) opened the case."],
    ["Decided 'partial' by u_1 (lead).", "Decided \u201cRefund in part\u201d by you (lead)."],
    ["u_2 (reviewer) opened the case.", "u_2 (reviewer) opened the case."],
    ["Decided 'parcel' by u_2 (lead).", "Decided 'parcel' by u_2 (lead)."],
  ])("%s", (words, said) => {
    expect(spoken(words, labels, "u_1")).toBe(said);
  });

  it("is left as it is where nobody is known", () => {
    expect(spoken("u_1 (reviewer) opened the case.", new Map(), undefined)).toBe("u_1 (reviewer) opened the case.");
  });
});
