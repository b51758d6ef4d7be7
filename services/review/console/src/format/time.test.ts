import { describe, expect, it } from "vitest";

import { ago, countdown, due, moment, span, unbroken } from "./time";

const NOW = Date.parse("2026-03-02T10:00:00Z");
const inMinutes = (minutes: number) => new Date(NOW + minutes * 60_000).toISOString();

describe("spans", () => {
  it.each([
    [20, "under a minute"],
    [38 * 60, "38 min"],
    [118 * 60, "1 h 58 min"],
    [130 * 60, "2 h 10 min"],
    [122 * 60, "2 h 2 min"],
    [120 * 60, "2 h"],
    [7 * 3600 + 120, "7 h"],
    [47 * 3600, "47 h"],
    [72 * 3600, "3 days"],
  ])("%d s is %s", (seconds, text) => {
    expect(span(seconds * 1000)).toBe(text);
  });
});

describe("deadlines", () => {
  it("is calm, soon, late", () => {
    expect(due(inMinutes(240), inMinutes(180), NOW)).toEqual({ text: "due in 4 h", urgency: "calm" });
    expect(due(inMinutes(240), inMinutes(-1), NOW)?.urgency).toBe("soon");
    expect(due(inMinutes(59), null, NOW)?.urgency).toBe("soon");
    expect(due(inMinutes(-12), null, NOW)).toEqual({ text: "12 min late", urgency: "late" });
    expect(due(null, null, NOW)).toBeNull();
  });
});

describe("countdowns", () => {
  it("counts to zero and stays there", () => {
    expect(countdown(581_000)).toBe("9 min 41 s");
    expect(countdown(600_000)).toBe("10 min 0 s");
    expect(countdown(4_999)).toBe("4 s");
    expect(countdown(-50)).toBe("0 s");
  });
});

describe("the past", () => {
  it("is told in words, and by date when long ago", () => {
    expect(ago(inMinutes(0), NOW)).toBe("just now");
    expect(ago(inMinutes(-90), NOW)).toBe("1 h 30 min ago");
    expect(ago("2025-01-05T10:00:00Z", NOW)).toBe("2025-01-05");
  });
});

describe("a moment", () => {
  it("names the zone of its time, today and on any other day", () => {
    const now = Date.parse("2026-03-02T10:00:00Z");
    expect(moment("2026-03-02T09:30:00Z", now)).toMatch(/\d\d:30:00.* \S*[A-Z]\S*$/u);
    expect(moment("2026-01-02T09:30:00Z", now)).toMatch(/\d\d:30:00.* \S*[A-Z]\S*$/u);
  });

  it("keeps an offset in one piece: at a hyphen a line may end", () => {
    expect(unbroken("09:30:00 GMT-5")).toBe("09:30:00 GMT\u22125");
    expect(unbroken("2026-01-02 09:30:00 UTC+5:30")).toBe("2026-01-02 09:30:00 UTC+5:30");
  });
});
