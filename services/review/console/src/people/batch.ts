interface Batch<Answer> {
  readonly wanted: Set<string>;
  readonly answers: Promise<ReadonlyMap<string, Answer>>;
}

/** Asks for what is wanted in the same moment together, `most` at once; null for what the answer does not have. */
export function together<Answer>(
  most: number,
  ask: (wanted: readonly string[]) => Promise<ReadonlyMap<string, Answer>>,
): (wanted: string) => Promise<Answer | null> {
  let open: Batch<Answer> | null = null;

  const begin = (): Batch<Answer> => {
    const wanted = new Set<string>();
    const batch = { wanted, answers: afterThisTurn(() => close(batch)).then(() => ask([...wanted])) };
    return batch;
  };
  const close = (batch: Batch<Answer>) => {
    if (open === batch) open = null;
  };

  return async (wanted) => {
    if (!open || open.wanted.size >= most) open = begin();
    const { answers } = open;
    open.wanted.add(wanted);
    return (await answers).get(wanted) ?? null;
  };
}

function afterThisTurn(run: () => void): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(() => {
      run();
      resolve();
    });
  });
}
