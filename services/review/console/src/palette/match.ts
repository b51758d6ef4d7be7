export interface Entry {
  readonly id: string;
  readonly label: string;
  /** What kind of thing it is, in small print. */
  readonly group: string;
  readonly key?: string;
  /** Whether what it does is seen here, in the list. */
  readonly stays?: boolean;
  readonly run: () => void;
}

/** The entries every word of the text occurs in, those that begin with it first; all of them for no text. */
export function matching(entries: readonly Entry[], text: string): readonly Entry[] {
  const words = text.toLowerCase().split(/\s+/u).filter(Boolean);
  const found = entries.filter(({ label, group }) => {
    const all = `${group} ${label}`.toLowerCase();
    return words.every((word) => all.includes(word));
  });
  const begins = ({ label }: Entry) => Number(words[0] !== undefined && label.toLowerCase().startsWith(words[0]));
  return found.toSorted((one, other) => begins(other) - begins(one));
}
