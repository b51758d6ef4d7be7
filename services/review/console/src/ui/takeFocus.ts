/** Moves the focus to what has just come, unless somebody is in a dialog: what they write there must not go astray. */
export function takeFocus(element: HTMLElement | null): void {
  if (!document.activeElement?.closest("[role=dialog]")) element?.focus();
}
