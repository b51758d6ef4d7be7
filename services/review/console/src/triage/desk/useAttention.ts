import { useEffect } from "react";

import type { Attention } from "./attention";
import { SIGNS } from "./useActivity";

const PRESSES = new Set(["keydown", "pointerdown"]);

/** Tells a case's attention whether its page is in front of its reader, and when the reader stirs. */
export function useAttention(attention: Attention | null): void {
  useEffect(() => {
    if (!attention) return;
    const look = () => attention.attend(!document.hidden && document.hasFocus());
    const note = (event: Event) => (PRESSES.has(event.type) ? attention.act() : attention.stir());
    look();
    document.addEventListener("visibilitychange", look);
    window.addEventListener("focus", look);
    window.addEventListener("blur", look);
    for (const sign of SIGNS) window.addEventListener(sign, note, { passive: true, capture: true });
    return () => {
      attention.attend(false);
      document.removeEventListener("visibilitychange", look);
      window.removeEventListener("focus", look);
      window.removeEventListener("blur", look);
      for (const sign of SIGNS) window.removeEventListener(sign, note, { capture: true });
    };
  }, [attention]);
}
