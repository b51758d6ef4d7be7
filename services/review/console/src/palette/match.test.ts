import { describe, expect, it } from "vitest";

import { type Entry, matching } from "./match";

const entry = (group: string, label: string): Entry => ({ id: label, label, group, run: () => undefined });
const ENTRIES = [entry("Case", "skip"), entry("Page", "Cases"), entry("Page", "Insight"), entry("Look", "dark")];
const labels = (text: string) => matching(ENTRIES, text).map(({ label }) => label);

describe("the palette", () => {
  it("shows everything while nothing is typed", () => {
    expect(labels("  ")).toHaveLength(ENTRIES.length);
  });

  it("finds what has every word, whatever the case and the order", () => {
    expect(labels("INSIGHT page")).toEqual(["Insight"]);
    expect(labels("nowhere")).toEqual([]);
  });

  it("puts first what begins with the text", () => {
    expect(labels("case")).toEqual(["Cases", "skip"]);
  });
});
