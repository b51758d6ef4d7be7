import type { Press } from "./registry";

const TEXT_INPUTS = new Set(["checkbox", "radio", "button", "submit", "reset", "range", "color", "file"]);

/** Where letters are text and not commands. */
export function isTextField(element: Element): boolean {
  if (element instanceof HTMLInputElement) return !TEXT_INPUTS.has(element.type);
  return (
    element instanceof HTMLTextAreaElement ||
    element instanceof HTMLSelectElement ||
    (element instanceof HTMLElement && element.isContentEditable)
  );
}

/** Reads a browser event; Shift counts as a modifier only where it does not make the character ("?" needs it). */
export function readPress(event: KeyboardEvent): Press {
  const target = event.target instanceof Element ? event.target : document.body;
  const letter = /^\p{L}$/u.test(event.key);
  const named = event.key.length > 1;
  return {
    key: event.key,
    modified:
      event.ctrlKey || event.metaKey || event.altKey || event.isComposing || (event.shiftKey && (letter || named)),
    repeat: event.repeat,
    inField: isTextField(target),
    onControl: target.closest("button, a[href], input, summary, [role='menuitem'], [role='option']") !== null,
  };
}
