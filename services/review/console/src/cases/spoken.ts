/** What the reader knows that the log does not name. */
export interface Known {
  readonly labels: ReadonlyMap<string, string>;
  readonly names: ReadonlyMap<string, string>;
  /** The reader's own pseudonym. */
  readonly me: string | undefined;
}

/**
 * An entry of the log as its reader would say it. The log names outcomes by their ids and people by their pseudonyms; here
 * outcomes have the labels of their decision type, people the names that the reader may know, and the reader is "you".
 */
export function spoken(words: string, { labels, names, me }: Known): string {
  const labelled = words.replace(/'([^']+)'/gu, (id: string, outcome: string) => {
    const label = labels.get(outcome);
    return label === undefined ? id : `\u201c${label}\u201d`;
  });
  const mine = me && labelled.startsWith(me) ? `You${labelled.slice(me.length)}` : labelled;
  const said = me ? mine.replaceAll(me, "you") : mine;
  return [...names].reduce((text, [pseudonym, name]) => text.replaceAll(pseudonym, () => name), said);
}
