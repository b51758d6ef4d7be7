import { describe, expect, it } from "vitest";

import { explain, NoAnswer, Refused } from "./problem";

describe("what people are told", () => {
  it("is each field that was wrong, told apart from the next", () => {
    const errors = [
      { pointer: "/display_name", detail: "must have at most 100 characters" },
      { pointer: "/tenants/0", detail: "must be letters" },
      { pointer: "/query/q", detail: "must have at most 200 characters" },
    ];
    expect(explain(new Refused(422, { detail: "See errors for each field.", errors }))).toBe(
      "display name: must have at most 100 characters; tenants 1: must be letters; q: must have at most 200 characters.",
    );
  });

  it("is what was refused, in the server's words", () => {
    expect(explain(new Refused(409, { title: "Conflict", detail: "There is a user demo already." }))).toBe(
      "There is a user demo already.",
    );
  });

  it("is what there was too much of, and when to try again", () => {
    const details = { title: "Too many attempts", detail: "Try again in 55 s." };
    expect(explain(new Refused(429, details))).toBe("Too many attempts. Try again in 55 s.");
  });

  it("is that the server broke, and under which number", () => {
    const details = { title: "Something broke on our side", detail: "It is logged under trace_id.", trace_id: "0af7" };
    expect(explain(new Refused(500, details))).toMatch(/^Something broke on our side\..* in the log under 0af7\.$/u);
    expect(explain(new Refused(500, {}))).toMatch(/^Something broke on the server\./u);
  });

  it("is who does not answer, where that is known", () => {
    expect(explain(new NoAnswer(null, "The audit service does not answer."))).toMatch(/^The audit service/u);
  });
});
