import { describe as suite, expect, it } from "vitest";

import { initials } from "./initials";

suite("initials", () => {
  it("are of the first and the last word", () => {
    expect(initials("Ada  King Lovelace")).toBe("AL");
    expect(initials("ada")).toBe("A");
  });

  it("cut no sign in two", () => {
    expect(initials("Ada \u{1F98A}")).toBe("A\u{1F98A}");
    expect(initials("\u{20BB7}\u91CE \u592A\u90CE")).toBe("\u{20BB7}\u592A");
  });
});
