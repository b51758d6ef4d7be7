/** Moves the focus to the next or the previous of some elements; `from` is where it starts while none of them has it. */
export function stepFocus(among: Iterable<HTMLElement>, step: 1 | -1, from = -1): void {
  const all = [...among];
  const focused = all.findIndex((one) => one === document.activeElement);
  all[Math.max(0, Math.min(all.length - 1, (focused >= 0 ? focused : from) + step))]?.focus();
}
