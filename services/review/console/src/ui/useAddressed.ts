import { useCallback } from "react";
import { useSearchParams } from "wouter";

/**
 * A choice of what to look at, in the address under `name`; "" while nothing is chosen. It outlives a reload, can be sent
 * to somebody, and the back button leads to the one before. Choices `within` it are of it alone, and go when it changes.
 */
export function useAddressed(name: string, ...within: readonly string[]): [string, (value: string) => void] {
  const [address, setAddress] = useSearchParams();
  const choose = (value: string) =>
    setAddress((before) => {
      const after = new URLSearchParams(before);
      for (const one of [name, ...within]) after.delete(one);
      if (value) after.set(name, value);
      return after;
    });
  return [address.get(name) ?? "", choose];
}

const PAGE = "after";

export type Cursors = readonly (string | null)[];

/** The pages that were gone through, in the address: one cursor for each up to the one shown; the first has none. */
export function useAddressedPages(): [Cursors, (cursors: Cursors) => void] {
  const [address, setAddress] = useSearchParams();
  const go = useCallback(
    (cursors: Cursors) =>
      setAddress((before) => {
        const after = new URLSearchParams(before);
        after.delete(PAGE);
        for (const cursor of cursors) if (cursor !== null) after.append(PAGE, cursor);
        return after;
      }),
    [setAddress],
  );
  return [[null, ...address.getAll(PAGE)], go];
}
