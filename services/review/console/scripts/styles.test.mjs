import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

const source = fileURLToPath(new URL("../src", import.meta.url));
const mantine = fileURLToPath(new URL("../node_modules/@mantine/core/esm", import.meta.url));
const EVERYWHERE = ["baseline", "default-css-variables", "global"];

/** The components that the console imports by name. */
function used() {
  const files = readdirSync(source, { recursive: true }).filter((file) => /\.tsx?$/u.test(file));
  const texts = files.map((file) => readFileSync(join(source, file), "utf8"));
  const imports = texts.flatMap((text) => [...text.matchAll(/import \{([^}]*)\} from "@mantine\/core"/gu)]);
  return new Set(imports.flatMap(([, names]) => names.split(",").map((name) => name.trim())));
}

/** The style sheets that a module of Mantine's and everything under it bring along. */
function sheets(module, seen) {
  if (seen.has(module) || !existsSync(module)) return [];
  seen.add(module);
  return [...readFileSync(module, "utf8").matchAll(/from "(\.[^"]+)"/gu)].flatMap(([, path]) => {
    const sheet = /([A-Za-z]+)\.module\.mjs$/u.exec(path);
    return sheet ? [sheet[1]] : sheets(join(dirname(module), path), seen);
  });
}

test("the styles of every component in use are imported, and of no other", () => {
  const index = readFileSync(join(mantine, "index.mjs"), "utf8");
  const seen = new Set();
  const wanted = new Set(EVERYWHERE);
  for (const name of used()) {
    const line = new RegExp(`import \\{[^}]*\\b${name}\\b[^}]*\\} from "([^"]+)"`, "u").exec(index);
    expect(line, `Mantine has no ${name}`).not.toBeNull();
    for (const sheet of sheets(join(mantine, line[1]), seen)) wanted.add(sheet);
  }
  const text = readFileSync(join(source, "styles", "mantine.css"), "utf8");
  const imported = [...text.matchAll(/@mantine\/core\/styles\/([\w-]+)\.css/gu)].map(([, name]) => name);
  expect(imported.sort()).toEqual([...wanted].sort());
});
