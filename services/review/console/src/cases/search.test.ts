import { describe, expect, it } from "vitest";

import { addressOf, filtersOf, isEmpty, searchFrom, searchOf } from "./search";

const search = (address: string) => searchOf(new URLSearchParams(address));

describe("a search for cases", () => {
  it("is in the address, and only what is looked for", () => {
    const sought = search("q=kettle+broken&state=decided&by=automation&odd=1");
    expect(addressOf(sought).toString()).toBe("q=kettle+broken&state=decided&by=automation");
    expect(isEmpty(sought)).toBe(false);
    expect(isEmpty(search(""))).toBe(true);
  });

  it("asks the server for the choices there are, whatever the address says", () => {
    expect(filtersOf(search("state=nonsense&tenant=a+b&tier=low&level=9&since=yesterday&by=nobody"))).toMatchObject({
      state: null,
      tenant: null,
      tier: ["low"],
      level: [],
      since: null,
      decided_by: null,
    });
  });

  it("comes back from what was kept as it was, days included", () => {
    const sought = search(
      "q=customer-7&state=decided&tenant=north&type=refund&tier=high&level=3&since=2026-03-01&until=2026-03-31",
    );
    expect(searchFrom(filtersOf(sought))).toEqual(sought);
  });

  it("looks at the whole of its last day", () => {
    const { since, until } = filtersOf(search("since=2026-03-01&until=2026-03-01"));
    expect(Date.parse(until ?? "") - Date.parse(since ?? "")).toBe(24 * 3_600_000);
  });
});
