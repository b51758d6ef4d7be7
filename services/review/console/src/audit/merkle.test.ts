import { describe, expect, it } from "vitest";

import { fromHex, isIncluded, leafHash, onlyGrew, toHex } from "./merkle";

/** The tree by its definition (RFC 9162, 2.1.1), to prove from; the code under test only ever sees hashes. */
async function node(left: string, right: string): Promise<string> {
  const bytes = Uint8Array.from([1, ...fromHex(left), ...fromHex(right)]);
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

const below = (size: number) => 2 ** Math.floor(Math.log2(size - 1));

async function rootOf(leaves: readonly string[]): Promise<string> {
  if (leaves.length === 1) return leaves[0]!;
  const cut = below(leaves.length);
  return node(await rootOf(leaves.slice(0, cut)), await rootOf(leaves.slice(cut)));
}

async function pathTo(index: number, leaves: readonly string[]): Promise<string[]> {
  if (leaves.length === 1) return [];
  const cut = below(leaves.length);
  const [left, right] = [leaves.slice(0, cut), leaves.slice(cut)];
  return index < cut
    ? [...(await pathTo(index, left)), await rootOf(right)]
    : [...(await pathTo(index - cut, right)), await rootOf(left)];
}

async function growth(first: number, leaves: readonly string[], whole = true): Promise<string[]> {
  if (first === leaves.length) return whole ? [] : [await rootOf(leaves)];
  const cut = below(leaves.length);
  const [left, right] = [leaves.slice(0, cut), leaves.slice(cut)];
  return first <= cut
    ? [...(await growth(first, left, whole)), await rootOf(right)]
    : [...(await growth(first - cut, right, false)), await rootOf(left)];
}

const LEAVES = await Promise.all(Array.from({ length: 13 }, (_, index) => leafHash(`entry ${index}`)));
const sizes = LEAVES.map((_, index) => index + 1);

describe("proofs about the log", () => {
  it("hash the empty leaf as RFC 9162 does", async () => {
    expect(await leafHash("")).toBe("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  });

  it("show that every entry of every tree is in it, and that no other is", async () => {
    for (const size of sizes) {
      const tree = LEAVES.slice(0, size);
      const root = await rootOf(tree);
      for (const [index, leaf] of tree.entries()) {
        const claim = { index, size, leafHash: leaf, proof: await pathTo(index, tree), root };
        expect(await isIncluded(claim)).toBe(true);
        expect(await isIncluded({ ...claim, leafHash: await leafHash("something else") })).toBe(false);
        expect(await isIncluded({ ...claim, index: index + 1 })).toBe(false);
      }
    }
  });

  it("show that every tree only grew, and that a changed one did not", async () => {
    for (const second of sizes) {
      for (const first of sizes.slice(0, second)) {
        const tree = LEAVES.slice(0, second);
        const firstRoot = await rootOf(tree.slice(0, first));
        const claim = { first, firstRoot, second, secondRoot: await rootOf(tree), proof: await growth(first, tree) };
        expect(await onlyGrew(claim)).toBe(true);
        expect(await onlyGrew({ ...claim, firstRoot: await leafHash("rewritten") })).toBe(false);
        expect(await onlyGrew({ ...claim, proof: [...claim.proof, firstRoot] })).toBe(false);
      }
    }
  });
});
