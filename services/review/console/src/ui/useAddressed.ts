import { useLocation, useSearchParams } from "wouter";

/**
 * A choice of what to look at, in the address under `name`; "" while nothing is chosen. It outlives a reload, can be sent
 * to somebody, and the back button leads to the one before. Choices `within` it are of it alone, and go when it changes.
 */
export function useAddressed(name: string, ...within: readonly string[]): [string, (value: string) => void] {
  const [address] = useSearchParams();
  const change = useChange();
  const choose = (value: string) =>
    change((after) => {
      for (const one of [name, ...within]) after.delete(one);
      if (value) after.set(name, value);
    });
  return [address.get(name) ?? "", choose];
}

const PAGE = "after";

export type Cursors = readonly (string | null)[];

/** The pages that were gone through, in the address: one cursor for each up to the one shown; the first has none. */
export function useAddressedPages(): [Cursors, (cursors: Cursors) => void] {
  const [address] = useSearchParams();
  const change = useChange();
  const go = (cursors: Cursors) =>
    change((after) => {
      after.delete(PAGE);
      for (const cursor of cursors) if (cursor !== null) after.append(PAGE, cursor);
    });
  return [[null, ...address.getAll(PAGE)], go];
}

/** Changes what the address says now: two choices that are made at once are both in it. */
function useChange() {
  const [location, go] = useLocation();
  return (change: (address: URLSearchParams) => void) => {
    const address = new URLSearchParams(window.location.search);
    change(address);
    const search = address.toString();
    if (`?${search}` !== window.location.search) go(`${location}${search ? `?${search}` : ""}`);
  };
}
