import { describe, expect, it } from "vitest";

import type { ApiKey } from "../api/schema";
import { sorted, standingOf } from "./apiKey";

const NOW = Date.parse("2026-03-02T12:00:00Z");
const at = (days: number) => new Date(NOW + days * 24 * 60 * 60_000).toISOString();
const key = (name: string, endsIn: number, revoked: number | null = null): ApiKey => ({
  key_id: name,
  name,
  username: "ana",
  roles: ["reviewer"],
  tenants: ["*"],
  created_at: at(-30),
  expires_at: at(endsIn),
  revoked_at: revoked === null ? null : at(revoked),
  beyond_you: false,
  last_used_at: null,
});

describe("an API key", () => {
  it.each([
    ["good", key("a", 8), /^until /u],
    ["ending", key("a", 7), /^ends in 7 days$/u],
    ["over", key("a", 0), /^ended /u],
    ["over", key("a", 90, -1), /^revoked /u],
  ] as const)("is %s", (standing, one, words) => {
    expect(standingOf(one, NOW)).toEqual({ standing, words: expect.stringMatching(words) as string });
  });

  it("stands first where it ends first, and last where it is long over", () => {
    const keys = [key("late", 90), key("gone", -20), key("next", 1), key("revoked", 50, -1)];
    const { good, over } = sorted(keys, NOW);
    expect([good, over].map((some) => some.map(({ name }) => name))).toEqual([
      ["next", "late"],
      ["revoked", "gone"],
    ]);
  });
});
