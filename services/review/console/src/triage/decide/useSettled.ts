import { useEffect, useState } from "react";

// A second press of a hand that has pressed twice comes sooner than this; nobody has read a case by then.
const SETTLE_MS = 400;

/** Whether what is shown has been there long enough that a press can mean it, and not what was there before. */
export function useSettled(shown: string): boolean {
  const [settled, settle] = useState<string | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => settle(shown), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [shown]);
  return settled === shown;
}
