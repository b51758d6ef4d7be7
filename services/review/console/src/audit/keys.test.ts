import { describe, expect, it } from "vitest";

import { keysNamed, recoveriesNamed, recoveryOf } from "./keys";

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

describe("a checkpoint from what a recovery lost", () => {
  const recovered = {
    kind: "log.recovered",
    verifier_key: "log/from-9+2+b",
    previous_verifier_key: "log+1+a",
    lost: { first_index: 9, last_index: 12, anchored_root: "aa" },
  };
  const recoveries = recoveriesNamed([entry(9, recovered), entry(3, { ...recovered, topic: "activity.recorded" })]);
  const checkpoint = (size: number, root = "aa", origin = "log") => ({ note: "", origin, size, root, signatures: [] });

  it("is told apart from a rewritten log, for a recorded recovery explains it", () => {
    expect(recoveries).toEqual([{ index: 9, lastLost: 12, lostRoot: "aa", origin: "log/from-9", before: "log" }]);
    expect(recoveryOf(checkpoint(13), recoveries)).toBe(recoveries[0]);
    expect(recoveryOf(checkpoint(10, "bb"), recoveries)).toBe(recoveries[0]);
  });

  it("is none where the record contradicts it, or says nothing of it", () => {
    expect(recoveryOf(checkpoint(13, "bb"), recoveries)).toBeNull();
    expect(recoveryOf(checkpoint(14), recoveries)).toBeNull();
    expect(recoveryOf(checkpoint(9), recoveries)).toBeNull();
    expect(recoveryOf(checkpoint(11, "aa", "log/from-9"), recoveries)).toBeNull();
    expect(recoveryOf(checkpoint(13), [])).toBeNull();
  });
});
