import { describe, expect, it } from "vitest";

import { money } from "./money";

describe("money", () => {
  it("is written with its currency, and without decimals that say nothing", () => {
    expect(money("125000.00", "USD")).toBe("$125,000");
    expect(money("40.50", "EUR")).toBe("€40.50");
    expect(money("123456789012345.67", "USD")).toBe("$123,456,789,012,345.67");
  });

  it("is nothing that only looks like it", () => {
    expect(money("12.50", "%")).toBeNull();
    expect(money("<b>12</b>", "USD")).toBeNull();
    expect(money(12, "USD")).toBeNull();
  });
});
