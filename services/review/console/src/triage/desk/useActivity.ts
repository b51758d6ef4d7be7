import { type RefObject, useEffect, useRef } from "react";

/** What a person does on a page. */
export const SIGNS = ["keydown", "pointerdown", "pointermove", "wheel", "touchstart", "scroll"] as const;

/** When the person last did anything on the page, in the machine's own milliseconds. */
export function useActivity(): RefObject<number> {
  const last = useRef(0);
  useEffect(() => {
    last.current = Date.now();
    const note = () => {
      last.current = Date.now();
    };
    for (const sign of SIGNS) window.addEventListener(sign, note, { passive: true, capture: true });
    return () => {
      for (const sign of SIGNS) window.removeEventListener(sign, note, { capture: true });
    };
  }, []);
  return last;
}
