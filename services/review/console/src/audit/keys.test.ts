import { describe, expect, it } from "vitest";

import { keysNamed } from "./keys";

const entry = (index: number, said: object) => ({ index, leaf: JSON.stringify(said), leaf_hash: "" });

describe("the keys a log had", () => {
  it("are those its own entries name, the one in force last", () => {
    const rotated = entry(7, { kind: "log.key_rotated", verifier_key: "log+2+b" });
    const genesis = entry(0, { kind: "log.genesis", verifier_key: "log+1+a" });
    expect(keysNamed([rotated, genesis])).toEqual([
      { index: 0, key: "log+1+a" },
      { index: 7, key: "log+2+b" },
    ]);
  });

  it("are not what somebody sends under such a name, and none for who sees no such entry", () => {
    const sent = entry(3, { kind: "log.key_rotated", topic: "activity.recorded", verifier_key: "log+3+c" });
    expect(keysNamed([sent, entry(1, { kind: "case.created", topic: "case.created" })])).toEqual([]);
  });
});
