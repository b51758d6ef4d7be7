import { describe, expect, it } from "vitest";

import { percent } from "./percent";

describe("percentages", () => {
  it.each([
    [0.814, "81 %"],
    [1, "100 %"],
    [0.998, "over 99 %"],
    [0.002, "under 1 %"],
    [0, "0 %"],
  ])("%d is %s", (probability, text) => {
    expect(percent(probability)).toBe(text);
  });
});
