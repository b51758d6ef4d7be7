/**
 * What became of the decisions made on this page. An entry is "sending" until the server has answered:
 * only its answer makes it "recorded", and only its word that it left makes it "sent".
 */
export interface Subject {
  readonly claimId: string;
  readonly reviewId: string;
  readonly queue: string;
  readonly tenant: string;
  readonly caseId: string;
  readonly title: string;
  readonly outcomeLabel: string;
}

/** Why a decision could not be taken back; undefined once somebody has read it, or when nobody tried. */
type Stands = string | undefined;

export type Progress =
  | { readonly phase: "sending"; readonly waitingForServer: boolean }
  | { readonly phase: "recorded"; readonly decisionId: string; readonly leavesAt: string; readonly stands?: Stands }
  | { readonly phase: "undoing"; readonly decisionId: string; readonly leavesAt: string }
  | { readonly phase: "sent"; readonly decisionId: string; readonly stands?: Stands }
  | { readonly phase: "undone" }
  /** Answered unseen; the decision itself is still to come. */
  | { readonly phase: "kept" }
  | { readonly phase: "refused"; readonly why: string };

export interface Entry {
  readonly id: string;
  /** Who decided: nobody else learns of it from this page. */
  readonly person: string;
  readonly subject: Subject;
  readonly progress: Progress;
}

export type LedgerEvent =
  | { readonly type: "submitted"; readonly id: string; readonly person: string; readonly subject: Subject }
  | { readonly type: "progressed"; readonly id: string; readonly progress: Progress }
  | { readonly type: "dismissed"; readonly id: string };

// More than anyone looks back on; what matters is on the server.
const KEPT = 20;

const ORDER: Record<Progress["phase"], number> = {
  sending: 0,
  recorded: 1,
  undoing: 2,
  sent: 3,
  undone: 3,
  kept: 3,
  refused: 3,
};

/** Newest first. News that arrives late (a poll answered after an undo) never takes an entry backwards. */
export function reduceLedger(entries: readonly Entry[], event: LedgerEvent): readonly Entry[] {
  switch (event.type) {
    case "submitted":
      return [
        {
          id: event.id,
          person: event.person,
          subject: event.subject,
          progress: { phase: "sending", waitingForServer: false } as const,
        },
        ...entries,
      ].slice(0, KEPT);
    case "progressed":
      return entries.map((entry) =>
        entry.id === event.id && mayFollow(entry.progress, event.progress)
          ? { ...entry, progress: event.progress }
          : entry,
      );
    case "dismissed":
      return entries.flatMap((entry) => (entry.id === event.id ? withoutNews(entry) : [entry]));
  }
}

/** Of a decision that may still leave, or be taken back, only the news goes. */
function withoutNews(entry: Entry): readonly Entry[] {
  const { progress } = entry;
  return progress.phase === "recorded" ? [{ ...entry, progress: { ...progress, stands: undefined } }] : [];
}

/** Why a decision of this entry was not taken back although somebody wanted that. */
export function whyItStands({ progress }: Entry): string | undefined {
  return progress.phase === "recorded" || progress.phase === "sent" ? progress.stands : undefined;
}

function mayFollow(before: Progress, after: Progress): boolean {
  // An undo that was refused falls back to what the decision was.
  if (before.phase === "undoing") return after.phase !== "sending";
  return ORDER[after.phase] >= ORDER[before.phase] && ORDER[before.phase] < 3;
}

/** What became of one person's decisions; nobody's while nobody is signed in. */
export function ofPerson(entries: readonly Entry[], person: string | undefined): readonly Entry[] {
  return entries.filter((entry) => entry.person === person);
}

/** Whether the case is out of this reviewer's hands, as far as the page knows. */
export function isAnswered({ progress }: Entry): boolean {
  return progress.phase !== "undone" && progress.phase !== "refused" && progress.phase !== "kept";
}

/** How many decisions the server has not answered for. Leaving the page now would lose them. */
export function unanswered(entries: readonly Entry[]): number {
  return entries.filter((entry) => entry.progress.phase === "sending").length;
}

/** The latest decision that can still be taken back. */
export function undoable(entries: readonly Entry[], nowMs: number): Entry | undefined {
  return entries.find(({ progress }) => progress.phase === "recorded" && Date.parse(progress.leavesAt) > nowMs);
}

/** One line on where a decision stands, in the words of the page. */
export function describe({ progress }: Entry, nowMs: number): string {
  switch (progress.phase) {
    case "sending":
      return progress.waitingForServer ? "not recorded yet: no connection, trying again" : "being recorded...";
    case "recorded": {
      const seconds = Math.ceil((Date.parse(progress.leavesAt) - nowMs) / 1000);
      return seconds > 0 ? `recorded, leaves in ${seconds} s` : "recorded, leaving";
    }
    case "undoing":
      return "being taken back...";
    case "sent":
      return "sent";
    case "undone":
      return "taken back";
    case "kept":
      return "kept as your unseen answer";
    case "refused":
      return progress.why;
  }
}
