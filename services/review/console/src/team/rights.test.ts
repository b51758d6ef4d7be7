import { describe, expect, it } from "vitest";

import type { Authority } from "../api/schema";
import { authorityWords, limitedTo, listed } from "./rights";

const label = (type: string) => (type === "refund" ? "Refund" : type);

describe("how far somebody's decisions reach", () => {
  it.each<[Authority, string]>([
    [{ max_tier: "low" }, "everything; up to low consequence"],
    [
      {
        max_tier: "high",
        decision_types: ["refund", "parcel"],
        amount_limit: { value: "500", currency: "EUR" },
        skills: ["fraud"],
        languages: ["de", "fr"],
        training_valid_until: "2026-12-31",
        delegates: ["ben"],
      },
      "Refund, parcel; up to high consequence; up to EUR 500; skills: fraud; languages: de, fr; trained until 2026-12-31; hands work to ben",
    ],
    // Empty lists, which the API takes: nothing is within them.
    [
      { max_tier: "low", decision_types: [], languages: [], delegates: [] },
      "no kind of decision; up to low consequence; languages: none; hands work to nobody",
    ],
  ])("%j", (authority, words) => {
    expect(authorityWords(authority, label)).toBe(words);
  });
});

it("takes a list as it is typed, and an empty one for no limit", () => {
  expect(listed(" de, ,fr ,")).toEqual(["de", "fr"]);
  expect(limitedTo(listed(" , "))).toBeNull();
  expect(limitedTo(["de"])).toEqual(["de"]);
  expect(limitedTo([], ["de"])).toBeNull();
  // To whom nothing was open, nothing is opened by saving something else.
  expect(limitedTo([], [])).toEqual([]);
});
