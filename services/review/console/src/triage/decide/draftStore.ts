import { EMPTY_DRAFT, type Draft } from "./draft";

const PREFIX = "countersign.draft.";

/**
 * Unsent reasons and notes survive a reload and a put-back, in this tab only: sessionStorage ends
 * with the tab, and signing out empties it.
 */
export function loadDraft(reviewId: string): Draft {
  const stored = sessionStorage.getItem(PREFIX + reviewId);
  return stored ? { ...EMPTY_DRAFT, ...(JSON.parse(stored) as Partial<Draft>) } : EMPTY_DRAFT;
}

export function saveDraft(reviewId: string, draft: Draft): void {
  if (draft === EMPTY_DRAFT) sessionStorage.removeItem(PREFIX + reviewId);
  else sessionStorage.setItem(PREFIX + reviewId, JSON.stringify(draft));
}

export function forgetDrafts(): void {
  const keys = Array.from({ length: sessionStorage.length }, (_, index) => sessionStorage.key(index));
  for (const key of keys) if (key?.startsWith(PREFIX)) sessionStorage.removeItem(key);
}
