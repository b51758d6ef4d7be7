import { describe, expect, it } from "vitest";

import { spoken } from "./spoken";

const labels = new Map([["partial", "Refund in part"]]);
const names = new Map([["u_3", "Cy $& O\u2019Neill"]]);

describe("an entry of the log", () => {
  it.each([
    ["The AI proposed 'partial', 96.4 % confident.", "The AI proposed \u201cRefund in part\u201d, 96.4 % confident."],
    ["u_1 (reviewer) opened the case.", "You (reviewer) opened the case."],
    ["Decided 'partial' by u_1 (lead).", "Decided \u201cRefund in part\u201d by you (lead)."],
    ["u_2 (reviewer) opened the case.", "u_2 (reviewer) opened the case."],
    ["u_3 (reviewer) handed it to u_2.", "Cy $& O\u2019Neill (reviewer) handed it to u_2."],
    ["Decided 'parcel' by u_2 (lead).", "Decided 'parcel' by u_2 (lead)."],
  ])("%s", (words, said) => {
    expect(spoken(words, { labels, names, me: "u_1" })).toBe(said);
  });

  it("is left as it is where nobody is known", () => {
    const nobody = { labels: new Map(), names: new Map(), me: undefined };
    expect(spoken("u_1 (reviewer) opened the case.", nobody)).toBe("u_1 (reviewer) opened the case.");
  });
});
