import { useLayoutEffect } from "react";

/**
 * Lets the browser ask before the page is closed or loaded anew, while something on it would be lost by that. In step
 * with what the page says: who reads that all is recorded, and leaves, is asked nothing.
 */
export function useLeaveGuard(active: boolean): void {
  useLayoutEffect(() => {
    if (!active) return undefined;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [active]);
}
