import { describe, expect, it } from "vitest";

import { takenKeys } from "./keymap";
import { assignOutcomeKeys } from "./outcomeKeys";
import { type Binding, KeyClash, KeyRegistry, type Press } from "./registry";

const bind = (key: string, more: Partial<Binding> = {}): Binding => ({
  key,
  layer: "page",
  label: `does ${key}`,
  group: "test",
  run: () => undefined,
  ...more,
});

const press = (key: string, more: Partial<Press> = {}): Press => ({
  key,
  modified: false,
  repeat: false,
  inField: false,
  onControl: false,
  ...more,
});

describe("the key registry", () => {
  it("refuses a second meaning for a key in one layer, whatever the case", () => {
    const registry = new KeyRegistry();
    registry.add(bind("a"));
    expect(() => registry.add(bind("A"))).toThrow(KeyClash);
    expect(registry.list()).toHaveLength(1);
  });

  it("gives a key back, so that the next page can have it", () => {
    const registry = new KeyRegistry();
    const giveBack = registry.add(bind("a"));
    giveBack();
    registry.add(bind("a", { label: "new" }));
    expect(registry.resolve(press("a"))?.label).toBe("new");
  });

  it("lets the layer on top win and the one below keep its other keys", () => {
    const registry = new KeyRegistry();
    registry.add(bind("1", { label: "approve" }));
    registry.add(bind("s", { label: "skip" }));
    registry.add(bind("1", { label: "first reason", layer: "panel" }));
    expect(registry.resolve(press("1"))?.label).toBe("first reason");
    expect(registry.resolve(press("s"))?.label).toBe("skip");
  });

  it("shuts the page out while a dialog is open", () => {
    const registry = new KeyRegistry();
    registry.add(bind("a"));
    const close = registry.openDialog();
    expect(registry.resolve(press("a"))).toBeUndefined();
    close();
    expect(registry.resolve(press("a"))).toBeDefined();
  });

  it.each([
    ["with a modifier", { modified: true }],
    ["inside a field", { inField: true }],
    ["held down", { repeat: true }],
  ])("does nothing %s", (_, more) => {
    const registry = new KeyRegistry();
    registry.add(bind("a"));
    expect(registry.resolve(press("a", more))).toBeUndefined();
  });

  it("repeats movement only", () => {
    const registry = new KeyRegistry();
    registry.add(bind("j", { repeats: true }));
    expect(registry.resolve(press("j", { repeat: true }))).toBeDefined();
  });

  it("leaves Enter to the control that has the focus", () => {
    const registry = new KeyRegistry();
    registry.add(bind("Enter"));
    expect(registry.resolve(press("Enter", { onControl: true }))).toBeUndefined();
    expect(registry.resolve(press("Enter"))).toBeDefined();
  });

  it("answers a letter typed with caps lock", () => {
    const registry = new KeyRegistry();
    registry.add(bind("a"));
    expect(registry.resolve(press("A"))).toBeDefined();
  });

  it("tells its listeners, so that the help is never stale", () => {
    const registry = new KeyRegistry();
    let told = 0;
    registry.subscribe(() => (told += 1));
    registry.add(bind("a"))();
    expect(told).toBe(2);
  });
});

const OWN = takenKeys({});

describe("keys of outcomes", () => {
  it("numbers them and grants the letters of the decision type", () => {
    expect(
      assignOutcomeKeys(
        [
          { outcome: "approve", key: "A" },
          { outcome: "decline", key: "r" },
        ],
        OWN,
      ),
    ).toEqual([
      { outcome: "approve", digit: "1", letter: "a" },
      { outcome: "decline", digit: "2", letter: "r" },
    ]);
  });

  it("refuses the console's own letters, duplicates and what is not a letter", () => {
    const keys = assignOutcomeKeys(
      [
        { outcome: "skip-like", key: "s" },
        { outcome: "first", key: "v" },
        { outcome: "second", key: "v" },
        { outcome: "odd", key: "Enter" },
        { outcome: "none", key: null },
      ],
      OWN,
    );
    expect(keys.map((key) => key.letter)).toEqual([null, "v", null, null, null]);
    expect(keys.map((key) => key.digit)).toEqual(["1", "2", "3", "4", "5"]);
  });

  it("has no digit from the tenth outcome on", () => {
    const many = Array.from({ length: 10 }, (_, index) => ({ outcome: `o${index}` }));
    expect(assignOutcomeKeys(many, OWN).at(-1)?.digit).toBeNull();
  });
});
