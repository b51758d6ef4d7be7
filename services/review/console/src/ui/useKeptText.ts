import { useState } from "react";

import { keepText, loadText } from "../triage/decide/draftStore";

export interface KeptText {
  readonly text: string;
  readonly write: (text: string) => void;
  /** The server has this much: it goes. What was written since it was sent stays. */
  readonly sent: (what: string) => void;
}

/**
 * A text that is being written about something. Its field may go, and come again: the text is there until it is sent, in
 * this tab. What is about something else is another field: give that a key of its own.
 */
export function useKeptText(about: string): KeptText {
  const [text, show] = useState(() => loadText(about));
  const write = (next: string) => {
    keepText(about, next);
    show(next);
  };
  const sent = (what: string) => {
    if (loadText(about).trim() === what) write("");
  };
  return { text, write, sent };
}
