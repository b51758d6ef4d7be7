import { useEffect } from "react";

/** What had the focus last, and what stood around it then, the nearest first. */
interface Place {
  readonly element: HTMLElement;
  readonly around: readonly HTMLElement[];
}

const OWN = "#root";

/**
 * Keeps the focus where somebody works without a mouse. A button that waits for an answer gets it back. When what had it
 * is gone, or cannot be used any more, its row or the heading of its section has it: the next Tab goes on from there.
 * Whoever leaves a field on purpose is not called back.
 */
export function useKeptFocus(): void {
  useEffect(keepFocus, []);
}

function keepFocus(): () => void {
  let last: Place | null = null;
  let waiting = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const came = ({ target }: FocusEvent) => {
    waiting = false;
    last = target instanceof HTMLElement ? { element: target, around: ancestors(target) } : null;
  };
  const look = () => {
    const active = document.activeElement;
    if (last === null || (active !== null && active !== document.body && active !== last.element)) return;
    const { element, around } = last;
    if (element.isConnected && !element.matches(":disabled")) {
      if (active === element) return;
      if (waiting) element.focus({ preventScroll: true });
      else last = null;
      waiting = false;
      return;
    }
    if (element.isConnected && element.hasAttribute("data-loading")) {
      waiting = true;
      return;
    }
    last = null;
    waiting = false;
    goOn(around);
  };
  // After everything that has just come could take the focus itself.
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(look);
  };

  const changes = new MutationObserver(soon);
  changes.observe(document.body, { subtree: true, childList: true, attributeFilter: ["disabled", "data-loading"] });
  document.addEventListener("focusin", came);
  document.addEventListener("focusout", soon);
  return () => {
    clearTimeout(timer);
    changes.disconnect();
    document.removeEventListener("focusin", came);
    document.removeEventListener("focusout", soon);
  };
}

function ancestors(element: HTMLElement): HTMLElement[] {
  const found: HTMLElement[] = [];
  for (let one = element.parentElement; one !== null; one = one.parentElement) found.push(one);
  return found;
}

function goOn(around: readonly HTMLElement[]): void {
  const near = around.filter((one) => one.isConnected).map(placeIn);
  // Menus and dialogs stand outside of the page and give the focus back by themselves.
  const own = around.some((one) => one.matches(OWN));
  const place = near.find((one) => one !== null) ?? (own ? document.querySelector<HTMLElement>("main h1") : null);
  if (!place) return;
  place.tabIndex = -1;
  place.focus({ preventScroll: true });
}

/** The row of a table is a place of its own; of everything larger it is the heading. */
function placeIn(one: HTMLElement): HTMLElement | null {
  if (one.matches("tr")) return one;
  return one.matches("section, main") ? one.querySelector<HTMLElement>("h1, h2, h3") : null;
}
