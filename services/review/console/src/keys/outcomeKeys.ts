/** Letters the console uses itself, or will: a decision type cannot take them for an outcome. */
export const OWN_KEYS: ReadonlySet<string> = new Set(["j", "k", "e", "n", "s", "z", "i", "x", "c", "f", "?", "/"]);

export interface OutcomeKeys {
  readonly outcome: string;
  /** Its place in the list, "1" to "9"; null from the tenth on. */
  readonly digit: string | null;
  /** The decision type's own letter, unless it is taken. */
  readonly letter: string | null;
}

/** Gives every outcome its digit and, where nobody else has it, its letter. The first to ask for a letter gets it. */
export function assignOutcomeKeys(outcomes: readonly { outcome: string; key?: string | null }[]): OutcomeKeys[] {
  const taken = new Set<string>();
  return outcomes.map(({ outcome, key }, index) => {
    const wanted = key?.toLowerCase() ?? "";
    const free = /^\p{L}$/u.test(wanted) && !OWN_KEYS.has(wanted) && !taken.has(wanted);
    if (free) taken.add(wanted);
    return { outcome, digit: index < 9 ? String(index + 1) : null, letter: free ? wanted : null };
  });
}
