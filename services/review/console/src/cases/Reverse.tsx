import { Button, Textarea } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { useLocation } from "wouter";

import { answerOf, api } from "../api/client";
import { NoAnswer } from "../api/problem";
import { CommandKey } from "../keys/Keycap";
import { useCommand } from "../keys/KeyProvider";
import { Card } from "../ui/Card";
import { Trouble } from "../ui/Page";
import { useOnce } from "../ui/useOnce";
import { useStepKey } from "../ui/useStepKey";
import styles from "./CasePage.module.css";

/** Opens a decided case again, also one that was decided automatically, and puts it on this person's desk. */
export function Reverse({ tenant, caseId }: { tenant: string; caseId: string }) {
  const [, go] = useLocation();
  const [asked, ask] = useState(false);
  const [reason, setReason] = useState("");
  const key = useStepKey();
  const opening = useMutation({
    mutationFn: () =>
      answerOf(
        api.POST("/api/review/v1/cases/{tenant}/{case_id}/reversal", {
          params: { path: { tenant, case_id: caseId }, header: { "Idempotency-Key": key.of(reason.trim()) } },
          body: { reason: reason.trim() },
        }),
      ),
    onSuccess: (claim) => go(`/?claim=${encodeURIComponent(claim.claim_id)}`),
    onError: (error) => {
      if (!(error instanceof NoAnswer)) key.answered();
    },
  });
  const reverse = useOnce(opening);
  const command = useCommand("reverse", { when: !asked, run: () => ask(true) });
  const form = useRef<HTMLFormElement>(null);
  if (!asked) {
    return (
      <Button
        className={styles.reverse ?? ""}
        variant="default"
        aria-keyshortcuts={command}
        onClick={() => ask(true)}
        rightSection={<CommandKey of="reverse" />}
      >
        Open it again
      </Button>
    );
  }
  return (
    <Card title="Open this decision again" asking>
      <form
        ref={form}
        className={styles.why}
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          if (reason.trim()) reverse.mutate();
        }}
        onKeyDown={(event) => {
          if (event.key === "Escape") ask(false);
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.current?.requestSubmit();
        }}
      >
        <Textarea
          autoFocus
          label="Why"
          description="You decide it anew; what stood until then stays on the record."
          autosize
          minRows={2}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <div className={styles.act}>
          <Button type="submit" disabled={!reason.trim()} loading={reverse.isPending}>
            Put it on my desk
          </Button>
          <Button variant="default" onClick={() => ask(false)}>
            Not now
          </Button>
        </div>
        <Trouble error={reverse.error} />
      </form>
    </Card>
  );
}
