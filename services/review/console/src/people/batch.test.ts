import { expect, it } from "vitest";

import { together } from "./batch";

it("asks once for what is wanted in the same moment, and never for more than fits", async () => {
  const asked: (readonly string[])[] = [];
  const lengthOf = together(2, (words) => {
    asked.push(words);
    return Promise.resolve(new Map(words.filter((word) => word !== "nobody").map((word) => [word, word.length])));
  });
  expect(await Promise.all(["ana", "nobody", "berta"].map(lengthOf))).toEqual([3, null, 5]);
  expect(asked).toEqual([["ana", "nobody"], ["berta"]]);
  expect(await lengthOf("ana")).toBe(3);
  expect(asked).toHaveLength(3);
});

it("lets nobody wait for an answer that does not come", async () => {
  const never = together(2, () => Promise.reject(new Error("nobody there")));
  await expect(never("ana")).rejects.toThrow("nobody there");
});
