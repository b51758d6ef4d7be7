import { describe, expect, it } from "vitest";

import { isSignedBy, readCheckpoint, readKey } from "./note";

// A checkpoint of a running log, and the key that its first entry names.
const NAME = "countersign.local/log/1df211fc321a6c9b";
const KEY = `${NAME}+576059dd+AVg+p2GvnqUodP+yiGEWzWfVaNvybme47HNnRqE43GOs`;
const SIGNATURE = "V2BZ3X1xu3r7CrIDKE94GxH5QhdymajpA06W59EKYnn1M5mJgquClhzJ6PG4SqKQKREu0TXmuAQGSmjJwFlspdyCnAE=";
const NOTE = `${NAME}\n4695\nnLa7za9GiXvm7mLosRYbFlS9rtqT/nJjJvWG6w1pQVI=\n\n\u2014 ${NAME} ${SIGNATURE}\n`;

describe("a checkpoint", () => {
  it("says how long the log is and what its root is", () => {
    expect(readCheckpoint(NOTE)).toMatchObject({
      origin: NAME,
      size: 4695,
      root: "9cb6bbcdaf46897be6ee62e8b1161b1654bdaeda93fe726326f586eb0d694152",
    });
  });

  it("is signed by the log's key, and by no other; a changed one is signed by nobody", async () => {
    const key = await readKey(` ${KEY}\n`);
    expect(await isSignedBy(readCheckpoint(NOTE), key)).toBe(true);
    expect(await isSignedBy(readCheckpoint(NOTE.replace("4695", "4696")), key)).toBe(false);
    expect(await isSignedBy(readCheckpoint(NOTE), { ...key, keyId: "576059de" })).toBe(false);
  });

  it("may be signed by two keys at once, where one takes over from the other", async () => {
    const other = `${NOTE}\u2014 ${NAME} ${SIGNATURE.replace("V2BZ", "V2Ba")}\n`;
    expect(await isSignedBy(readCheckpoint(other), await readKey(KEY))).toBe(true);
  });

  it.each(["", "no note", "name\nmany\nroot\n\n"])("is not %j", (text) => {
    expect(() => readCheckpoint(text)).toThrow();
  });
});

describe("a verifier key", () => {
  it.each(["", "foo", KEY.replace("576059dd", "576059de"), KEY.replace("AVg", "AVh"), `${KEY.slice(0, -3)}==`])(
    "is not %j, and that says nothing against the log",
    async (text) => {
      await expect(readKey(text)).rejects.toThrow(/verifier key|damaged/u);
    },
  );
});
