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

  it("does not put a probability onto a limit it lies beside", () => {
    expect(percent(0.896, [0.7, 0.9])).toBe("89.6 %");
    expect(percent(0.9, [0.7, 0.9])).toBe("90 %");
    expect(percent(0.876, [0.7, 0.9])).toBe("88 %");
  });
});
