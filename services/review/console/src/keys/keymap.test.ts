import { describe, expect, it } from "vitest";

import { COMMAND_NAMES, COMMANDS } from "./commands";
import { type Keymap, keyOf, readKeymap, remap, takenKeys } from "./keymap";

const given = (keymap: Keymap, ...change: Parameters<typeof remap> extends [Keymap, ...infer Rest] ? Rest : never) => {
  const next = remap(keymap, ...change);
  if ("refused" in next) throw new Error(next.refused);
  return next.keymap;
};

describe("the keys of the console", () => {
  it("come without a clash", () => {
    const page = COMMAND_NAMES.filter((name) => (COMMANDS[name].layer ?? "page") === "page");
    expect(new Set(page.map((name) => COMMANDS[name].key)).size).toBe(page.length);
  });

  it("can be given to something else, and taken back", () => {
    const keymap = given({}, "skip", "Y");
    expect(keyOf(keymap, "skip")).toBe("y");
    expect(takenKeys(keymap).has("s")).toBe(false);
    expect(given(keymap, "skip", "s")).toEqual({});
  });

  it("go to whoever asks once their holder has another", () => {
    const keymap = given(given({}, "skip", "y"), "note", "s");
    expect([keyOf(keymap, "skip"), keyOf(keymap, "note")]).toEqual(["y", "s"]);
  });

  it.each([
    ["a key that means something else", "skip", "n", /already means "write a note"/],
    ["a digit", "skip", "1", /Digits/],
    ["a key without a character", "skip", "F5", /Only a character/],
    ["a key for what Enter means", "record", "y", /always means this/],
  ] as const)("refuse %s", (_, name, key, why) => {
    expect(remap({}, name, key)).toEqual({ refused: expect.stringMatching(why) });
  });

  it("survive whatever lies in the browser's store", () => {
    expect(readKeymap({ skip: "y", note: 7, gone: "g", edit: "y", undo: "12" })).toEqual({ skip: "y" });
    expect(readKeymap("nonsense")).toEqual({});
  });
});
