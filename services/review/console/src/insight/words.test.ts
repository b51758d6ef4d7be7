import { describe, expect, it } from "vitest";

import type { Assessment, Figures } from "../api/feedback";
import written from "./shares.json";
import { amount, basis, evidenceScale, interval, populationWords, share, unjudgedWords, weighted } from "./words";

describe("figures in words", () => {
  // The command line and the reports are held to the same list.
  it.each(written.shares)("%d is %s", (value, text) => {
    expect(share(Number(value))).toBe(text);
  });

  it.each(written.intervals)("%j is %s", (ends, text) => {
    const [lower = 0, upper = 1] = ends as number[];
    expect(interval({ lower, upper })).toBe(text);
  });

  it("never give a rate without its interval and count", () => {
    const figure = { k: 5, n: 512, needed: 30, rate: 5 / 512, lower: 0.003, upper: 0.023, text: "" };
    expect(interval(figure)).toBe("[0.3, 2.3]");
    expect(basis(figure, "blind audits")).toBe("[0.3, 2.3] \u00b7 5 of 512 blind audits");
  });

  it("say how many are missing instead of a rate that rests on too few", () => {
    const figure = { k: 0, n: 3, needed: 30, rate: null, lower: 0, upper: 1, text: "" };
    expect(basis(figure, "blind audits")).toBe("not enough yet: 3 of 30 blind audits");
  });
});

describe("what a curve is drawn from", () => {
  const population = { model_name: "loan", model_version: "3" };

  it.each([
    [600, 600, "loan 3, n = 600"],
    [1000, 104, "loan 3, n = 104 of 1000 labels, thinned to one chance"],
  ])("is %d labels of which %d count", (labels, kept, said) => {
    expect(populationWords({ population, labels, kept } as Assessment)).toBe(said);
  });
});

describe("the weighted share", () => {
  const audited = (even: boolean, rate: number | null) =>
    ({ audit_error: { rate }, audit_error_weighted: { share: 0.0192, effective_n: 21.6, even } }) as Figures;

  it("stands beside the plain one where audits were drawn unevenly, and nowhere else", () => {
    expect(weighted(audited(false, 0.25))).toBe("weighted 1.9 %");
    expect(weighted(audited(true, 0.25))).toBeNull();
    expect(weighted(audited(false, null))).toBeNull();
  });
});

describe("evidence", () => {
  it.each([
    [0, "1"],
    [Math.log(20), "20"],
    [Math.log(2.37), "2.4"],
    [-Math.log(100), "1/100"],
    [-Math.log(2e9), "1/1e9"],
    [800, "1e347"],
    [-0.001, "1"],
  ])("of %d reads %s", (logarithm, text) => {
    expect(amount(logarithm)).toBe(text);
  });

  it("has an axis with where it begins, the alarm, and both ends where there is room", () => {
    const bar = Math.log(20);
    expect(evidenceScale([0, -1], bar)).toEqual({
      from: -Math.log(100),
      to: bar * 1.35,
      ticks: [-Math.log(100), 0, bar],
    });
    const broken = evidenceScale([0, -30, 12], bar);
    expect(broken.ticks).toEqual([-30, 0, bar, 12]);
    expect(evidenceScale([0, -200, 12], bar).ticks).toEqual([-200, bar]);
    expect(evidenceScale([0, -2, 9], bar).ticks).toEqual([-Math.log(100), 0, bar, 9]);
  });
});

describe("drawn cases without an answer", () => {
  it("are told in number, and what becomes of them", () => {
    expect(unjudgedWords(1)).toBe(
      "1 drawn case has no answer yet: it is left out here, and counts as wrong where a certificate is proposed.",
    );
    expect(unjudgedWords(12)).toContain("12 drawn cases have no answer yet: they are left out here");
  });
});
