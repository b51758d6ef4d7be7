import { afterEach, describe, expect, it, vi } from "vitest";

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

  afterEach(() => void vi.unstubAllEnvs());

  it("ends with its last day where that day begins at one in the morning", () => {
    vi.stubEnv("TZ", "Africa/Cairo");
    const sought = search("since=2027-04-30&until=2027-04-30");
    const { since, until } = filtersOf(sought);
    expect([since, until]).toEqual(["2027-04-29T22:00:00.000Z", "2027-04-30T21:00:00.000Z"]);
    expect(searchFrom(filtersOf(sought))).toEqual(sought);
  });

  it("takes no day that no calendar has", () => {
    for (const day of ["2026-13-01", "2026-02-30", "2027-02-29", "20267-12-31", "yesterday"]) {
      const sought = search(`since=${day}&until=${day}`);
      expect(isEmpty(sought)).toBe(true);
      expect(filtersOf(sought)).toMatchObject({ since: null, until: null });
    }
    expect(filtersOf(search("since=2028-02-29")).since).toMatch(/^2028-02-2/u);
  });

  it("has no end where somebody names the last day that can be written", () => {
    expect(filtersOf(search("until=9999-12-31")).until).toBeNull();
    expect(filtersOf(search("until=9999-12-30")).until).toMatch(/^9999-12-3/u);
  });
});
