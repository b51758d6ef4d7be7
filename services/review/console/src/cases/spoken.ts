/**
 * An entry of the log as its reader would say it. The log names outcomes by their ids and people by their pseudonyms; here
 * outcomes have the labels of their decision type, and the reader is "you".
 */
export function spoken(words: string, labels: ReadonlyMap<string, string>, me: string | undefined): string {
  const labelled = words.replace(/'([^']+)'/gu, (id: string, outcome: string) => {
    const label = labels.get(outcome);
    return label === undefined ? id : `\u201c${label}\u201d`;
  });
  if (!me) return labelled;
  return (labelled.startsWith(me) ? `You${labelled.slice(me.length)}` : labelled).replaceAll(me, "you");
}
