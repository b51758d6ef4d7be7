import { describe, expect, it } from "vitest";

import { basis, interval, share } from "./words";

describe("figures in words", () => {
  it.each([
    [0, "0 %"],
    [0.0043, "0.43 %"],
    [0.0179, "1.8 %"],
    [0.61, "61 %"],
    [1, "100 %"],
  ])("%d is %s", (value, text) => {
    expect(share(value)).toBe(text);
  });

  it("never give a rate without its interval and count", () => {
    const figure = { k: 5, n: 512, needed: 30, rate: 5 / 512, lower: 0.003, upper: 0.023, text: "" };
    expect(interval(figure)).toBe("[0.3, 2.3]");
    expect(basis(figure, "blind audits")).toBe("[0.3, 2.3] \u00b7 5 of 512 blind audits");
  });

  it("say how many are missing instead of a rate that rests on too few", () => {
    const figure = { k: 0, n: 3, needed: 30, rate: null, lower: 0, upper: 1, text: "" };
    expect(basis(figure, "blind audits")).toBe("not enough yet: 3 of 30 blind audits");
  });
});
