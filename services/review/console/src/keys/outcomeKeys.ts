export interface OutcomeKeys {
  readonly outcome: string;
  /** Its place in the list, "1" to "9"; null from the tenth on. */
  readonly digit: string | null;
  /** The decision type's own letter, unless it is taken. */
  readonly letter: string | null;
}

/**
 * Gives every outcome its digit and, where nobody else has it, its letter. The console's own keys
 * (`own`) go first, and the first outcome to ask for a letter gets it.
 */
export function assignOutcomeKeys(
  outcomes: readonly { outcome: string; key?: string | null }[],
  own: ReadonlySet<string>,
): OutcomeKeys[] {
  const taken = new Set<string>();
  return outcomes.map(({ outcome, key }, index) => {
    const wanted = key?.toLowerCase() ?? "";
    const free = /^\p{L}$/u.test(wanted) && !own.has(wanted) && !taken.has(wanted);
    if (free) taken.add(wanted);
    return { outcome, digit: index < 9 ? String(index + 1) : null, letter: free ? wanted : null };
  });
}
