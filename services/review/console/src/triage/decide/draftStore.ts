import type { Draft } from "./draft";

const PREFIX = "countersign.draft.";
const TEXT = `${PREFIX}text.`;
const WHOSE = "countersign.drafts-of";

/** What was put down and the server does not have yet. */
export type Unsaved = Partial<Draft>;

/** Survives a reload, a put-back and silence, in this tab only: sessionStorage ends with the tab, signing out empties it. */
export function loadUnsaved(reviewId: string): Unsaved {
  const stored = sessionStorage.getItem(PREFIX + reviewId);
  return stored ? (JSON.parse(stored) as Unsaved) : {};
}

export function keepUnsaved(reviewId: string, unsaved: Unsaved): void {
  if (Object.keys(unsaved).length === 0) sessionStorage.removeItem(PREFIX + reviewId);
  else sessionStorage.setItem(PREFIX + reviewId, JSON.stringify(unsaved));
}

/** A text that is being written and has no place on the server, by what it is about. */
export function loadText(about: string): string {
  return sessionStorage.getItem(TEXT + about) ?? "";
}

export function keepText(about: string, text: string): void {
  if (text === "") sessionStorage.removeItem(TEXT + about);
  else sessionStorage.setItem(TEXT + about, text);
}

/** Drafts are of one person: whoever comes to the same tab next finds none of somebody else's. True: somebody else left it. */
export function keepDraftsOf(person: string): boolean {
  const before = sessionStorage.getItem(WHOSE);
  if (before === person) return false;
  forgetDrafts();
  sessionStorage.setItem(WHOSE, person);
  return before !== null;
}

/** Who signs out leaves nothing, not even whose tab it was. */
export function leaveTab(): void {
  forgetDrafts();
  sessionStorage.removeItem(WHOSE);
}

function forgetDrafts(): void {
  const keys = Array.from({ length: sessionStorage.length }, (_, index) => sessionStorage.key(index));
  for (const key of keys) if (key?.startsWith(PREFIX)) sessionStorage.removeItem(key);
}
