/**
 * Moves the focus to what has just come, unless somebody is in a dialog, where what they write must not go astray, or
 * about to choose a queue or a tenant, which gives the focus back by itself.
 */
export function takeFocus(element: HTMLElement | null): void {
  if (!document.activeElement?.closest("[role=dialog], nav select")) element?.focus();
}
