import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

const source = fileURLToPath(new URL("../src", import.meta.url));
// Whatever could make an element, an address or a program of a text that somebody wrote.
const WAYS =
  /dangerouslySetInnerHTML|(?:inner|outer)HTML|insertAdjacentHTML|createContextualFragment|srcdoc|document\.write|\beval\(|new Function/u;
const ADDRESS = /\b(?:href|src)=\{(?!`\/|"\/|page\.href\}|first\.href\})[^}]*\}/gu;
// Made here: from nothing that somebody wrote.
const MADE = new Set(["href={href}"]);

function files() {
  return readdirSync(source, { recursive: true }).filter((file) => /\.tsx?$/u.test(file));
}

test("what somebody wrote becomes text and nothing else", () => {
  const found = files().filter((file) => WAYS.test(readFileSync(join(source, file), "utf8")));
  expect(found).toEqual([]);
});

test("every address begins at this server", () => {
  const found = files().flatMap((file) =>
    [...readFileSync(join(source, file), "utf8").matchAll(ADDRESS)].map(([text]) => `${file}: ${text}`),
  );
  expect(found.filter((text) => !MADE.has(text.split(": ")[1]))).toEqual([]);
});
