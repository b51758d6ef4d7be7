import type { SimilarCase } from "../../api/schema";

// More than this is a list and no longer a difference; the rest is in the title.
const TOLD = 2;

/** Likeness in whole percents, never rounded up to the same. */
export function share(likeness: number): string {
  return `${Math.floor(likeness * 100)} %`;
}

/** What to look at before leaning on a precedent. */
export function difference({ differs_in: differs, alike_in: alike }: SimilarCase): string {
  if (differs.length === 0) return alike.length > 0 ? "nothing differs" : "";
  const more = differs.length - TOLD;
  return `differs: ${differs.slice(0, TOLD).join(", ")}${more > 0 ? `, ${more} more` : ""}`;
}

/** How they ended, the most frequent outcome first: "3 Approve, 1 Decline". */
export function tally(cases: readonly SimilarCase[]): string {
  const counts = new Map<string, number>();
  for (const { outcome_label: label } of cases) if (label) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts]
    .sort(([, one], [, other]) => other - one)
    .map(([label, count]) => `${count} ${label}`)
    .join(", ");
}
