import { describe as suite, expect, it } from "vitest";

import { howMany } from "./depth";

suite("how many wait", () => {
  it("is a number when all were counted", () => {
    expect(howMany({ depth: 12, more: false })).toBe("12");
  });

  it("is called the least there is when only some were", () => {
    expect(howMany({ depth: 500, more: true })).toBe("at least 500");
  });
});
