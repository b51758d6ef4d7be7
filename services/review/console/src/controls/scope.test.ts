import { describe, expect, it } from "vitest";

import { holds, scopeOf } from "./scope";

const place = (tenant: string, type: string) => ({ tenant, decision_type: type });

describe("a stop", () => {
  it("is named as narrowly as it was chosen", () => {
    expect(scopeOf(place("*", "*")).scope).toBe("all");
    expect(scopeOf(place("north", "*"))).toEqual({ scope: "tenant", tenant: "north", decision_type: null });
    expect(scopeOf(place("north", "refund"))).toEqual({
      scope: "decision_type",
      tenant: "north",
      decision_type: "refund",
    });
  });

  it("holds what lies within it, and nothing beside it", () => {
    expect(holds(place("*", "*"), place("north", "refund"))).toBe(true);
    expect(holds(place("north", "*"), place("north", "refund"))).toBe(true);
    expect(holds(place("north", "*"), place("*", "refund"))).toBe(false);
    expect(holds(place("north", "*"), place("south", "*"))).toBe(false);
    expect(holds(place("*", "refund"), place("north", "*"))).toBe(false);
  });
});
