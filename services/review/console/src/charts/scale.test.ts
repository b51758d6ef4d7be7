import { describe, expect, it } from "vitest";

import { band, line, linear, ticksTo } from "./scale";

describe("axes", () => {
  it.each([
    [0.041, [0, 0.02, 0.04, 0.06]],
    [0.06, [0, 0.02, 0.04, 0.06]],
    [1, [0, 0.25, 0.5, 0.75, 1]],
    [0, [0, 1]],
  ])("up to %d have round ticks", (most, ticks) => {
    expect(ticksTo(most)).toEqual(ticks);
  });

  it("keep what lies outside at the edge", () => {
    const x = linear(0, 10, 100, 0, []);
    expect([x(0), x(5), x(10), x(99)]).toEqual([100, 50, 0, 0]);
  });
});

describe("paths", () => {
  it("go through their points, and bands close", () => {
    expect(
      line([
        [0, 1],
        [2, 3],
      ]),
    ).toBe("M0.0 1.0L2.0 3.0");
    expect(band([[0, 0]], [[0, 5]])).toBe("M0.0 0.0L0.0 5.0Z");
    expect(band([], [])).toBe("");
  });
});
