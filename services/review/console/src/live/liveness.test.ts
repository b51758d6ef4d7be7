import { afterEach, describe, expect, it } from "vitest";

import { noteLive, pollMs } from "./liveness";

const read = { state: { error: null } };
const failed = { state: { error: new Error("no answer") } };

describe("a list", () => {
  afterEach(() => noteLive(false));

  it("is asked for seldom while changes are told", () => {
    expect(pollMs(read)).toBeLessThan(5_000);
    noteLive(true);
    expect(pollMs(read)).toBeGreaterThan(30_000);
  });

  it("is asked for soon where it could not be read when a change was told", () => {
    noteLive(true);
    expect(pollMs(failed)).toBeLessThan(5_000);
  });
});
