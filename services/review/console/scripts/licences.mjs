// Writes the licences of everything that is in the build beside it, as those licences ask.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const OUT = "../countersign_review/console/third-party-licences.txt";
const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));

const bundled = Object.entries(packages).filter(
  ([place, { dev, optional }]) => place !== "" && !dev && !optional && existsSync(place),
);
const texts = bundled.map(([place, { version, license }]) => {
  const name = place.split("node_modules/").at(-1);
  const file = readdirSync(place).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? readFileSync(join(place, file), "utf8").trim() : `Licence: ${license}`;
  return `${name} ${version}\n\n${text}\n`;
});
writeFileSync(OUT, texts.join(`\n${"-".repeat(80)}\n\n`));
