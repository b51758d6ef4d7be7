import { Button, Loader } from "@mantine/core";
import { useEffect, useRef } from "react";
import { Link } from "wouter";

import { explain } from "../api/problem";
import type { Claim, Queue } from "../api/schema";
import { useCase } from "../cases/useCases";
import { moment } from "../format/time";
import { useNow } from "../format/useNow";
import { CommandKey } from "../keys/Keycap";
import { useCommand } from "../keys/KeyProvider";
import type { Desk } from "./desk/desk";
import { takeFocus } from "../ui/takeFocus";
import { howMany } from "./queue/depth";
import styles from "./Stage.module.css";

interface StageProps {
  readonly desk: Exclude<Desk, { phase: "open" }>;
  readonly queue: Queue | null;
  /** Whether nobody knows yet what waits, and why not when the queues could not be read. */
  readonly unread: boolean;
  readonly trouble: Error | null;
  /** Another queue that has work, for when this one has none. */
  readonly elsewhere: Queue | null;
  readonly onNext: () => void;
  readonly onElsewhere: (queue: string) => void;
  readonly onTakeAgain: (claim: Claim) => void;
  /** Reads the queues again. */
  readonly onAgain: () => void;
}

/** What stands in the middle while no case is open: what is going on, and what to do. */
export function Stage({ desk, queue, elsewhere, onNext, onElsewhere, onTakeAgain, ...reading }: StageProps) {
  const trouble = reading.unread && desk.phase !== "ended" ? reading.trouble : null;
  const waiting = desk.phase === "resuming" || desk.phase === "opening" || isUntold(desk, reading);
  const { title, text } = trouble ? unreadWords(trouble) : words(waiting && !queue ? ARRIVING : desk, queue);
  const canGo = !waiting && queue !== null && (queue.depth > 0 || desk.phase === "failed");
  const canLeave = !waiting && !canGo && elsewhere !== null;
  const leave = () => elsewhere && onElsewhere(elsewhere.queue);
  const again = desk.phase === "ended" && !desk.gone ? desk.claim : null;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!waiting) takeFocus(heading.current);
  }, [waiting]);
  useCommand("open", { when: canGo, run: onNext });
  useCommand("open", { when: canLeave, label: "work where something waits", run: leave });

  return (
    <div className={styles.stage} aria-busy={waiting}>
      {waiting && <Loader size="sm" type="dots" color="var(--cs-mute)" />}
      <h1 ref={heading} tabIndex={-1} className={waiting ? "visually-hidden" : undefined}>
        {title}
      </h1>
      {!waiting && <p>{text}</p>}
      {desk.phase === "ended" && desk.gone && <Aftermath claim={desk.claim} />}
      <div className={styles.actions}>
        {canGo && (
          <Button onClick={onNext} aria-keyshortcuts="Enter" rightSection={<CommandKey of="open" />}>
            {desk.phase === "failed" ? "Try again" : "Open the next case"}
          </Button>
        )}
        {trouble && !waiting && <Button onClick={reading.onAgain}>Read the queues again</Button>}
        {canLeave && (
          <Button variant="default" onClick={leave} aria-keyshortcuts="Enter" rightSection={<CommandKey of="open" />}>
            Go to {elsewhere.label}, where {howMany(elsewhere)} {elsewhere.depth === 1 ? "waits" : "wait"}
          </Button>
        )}
        {again && (
          <Button variant="default" onClick={() => onTakeAgain(again)}>
            Take it again
          </Button>
        )}
      </div>
    </div>
  );
}

/** Who did what to a case that is gone, as far as it may be told. */
function Aftermath({ claim }: { claim: Claim }) {
  const { tenant, case_id: caseId } = claim.context.decision_required;
  const now = useNow(60_000);
  const found = useCase(tenant, caseId);
  const last = found.data?.history.at(-1);
  return (
    <p>
      {last && (
        <>
          {last.text}
          {last.by && <> by {last.by}</>}
          {found.data?.outcome_label && (
            <>
              : <strong>{found.data.outcome_label}</strong>
            </>
          )}
          , {moment(last.at, now)}.{" "}
        </>
      )}
      <Link href={`/cases/${encodeURIComponent(tenant)}/${encodeURIComponent(caseId)}`}>Look at the case</Link>
    </p>
  );
}

function words(desk: StageProps["desk"], queue: Queue | null): { title: string; text: string } {
  switch (desk.phase) {
    case "resuming":
      return { title: "Review", text: "" };
    case "opening":
      return { title: "Opening the next case", text: "" };
    case "ended":
      return { title: desk.claim.context.decision_required.case_id, text: desk.why };
    case "failed":
      return { title: "That did not work", text: desk.why };
    case "ready":
    case "empty":
      return queue && queue.depth > 0
        ? { title: "Ready when you are", text: waitingText(queue) }
        : { title: "Nothing waits for you", text: nothingText(queue) };
  }
}

const ARRIVING = { phase: "resuming" } as const;

/** Whether there is nothing to tell yet: that nothing waits is said only when it is known. */
function isUntold(desk: StageProps["desk"], { unread, trouble }: Pick<StageProps, "unread" | "trouble">): boolean {
  return unread && trouble === null && (desk.phase === "ready" || desk.phase === "empty");
}

function unreadWords(trouble: Error): { title: string; text: string } {
  return { title: "Your queues could not be read", text: `Cases may be waiting for you. ${explain(trouble)}` };
}

function nothingText(queue: Queue | null): string {
  const where = queue ? `Nothing in ${queue.label}. ` : "";
  return `${where}New cases appear here by themselves; you need not reload.`;
}

function waitingText({ label, due_within_hour: soon, ...waiting }: Queue): string {
  const many = howMany(waiting);
  const cases = waiting.depth === 1 ? "case waits" : "cases wait";
  return `${many.charAt(0).toUpperCase()}${many.slice(1)} ${cases} for you in ${label}${soon > 0 ? `, ${soon} due within the hour` : ""}.`;
}
