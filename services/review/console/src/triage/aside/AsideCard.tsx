import { Button, NativeSelect, Textarea } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";

import { explain, NoAnswer } from "../../api/problem";
import type { Claim, Colleague } from "../../api/schema";
import { useMe } from "../../session/useSession";
import { useColleagues } from "../../team/useTeam";
import { Card } from "../../ui/Card";
import { Trouble } from "../../ui/Page";
import { useKeptText } from "../../ui/useKeptText";
import { useOnce } from "../../ui/useOnce";
import { useStepKey } from "../../ui/useStepKey";
import type { Hold } from "../desk/hold";
import { type Aside, sendAside } from "./aside";
import styles from "./AsideCard.module.css";

interface AsideCardProps {
  readonly aside: Aside;
  readonly hold: Hold;
  readonly claim: Claim;
  readonly onCancel: () => void;
  readonly onDone: (said: string) => void;
  /** It was refused, maybe when its person works on another case already. */
  readonly onFailed: (said: string) => void;
}

/** The words that asking, escalating, recusing or handing over takes. The case leaves when the server has done it. */
export function AsideCard({ aside, hold, claim, onCancel, onDone, onFailed }: AsideCardProps) {
  const { text: words, write, sent } = useKeptText(`${aside.action}.${hold.reviewId}`);
  const [to, setTo] = useState("");
  const form = useRef<HTMLFormElement>(null);
  const key = useStepKey();
  const sending = useMutation({
    mutationFn: () =>
      hold.finish(() => {
        const wish = { words: words.trim(), to };
        return sendAside(aside.action, claim.claim_id, key.of(wish), wish);
      }),
    onSuccess: () => {
      sent(words.trim());
      onDone(`${claim.context.decision_required.case_id}: ${aside.done}.`);
    },
    onError: (error) => {
      if (!(error instanceof NoAnswer)) key.answered();
      onFailed(`${claim.context.decision_required.case_id} was not ${aside.failed}. ${explain(error)}`);
    },
  });
  const send = useOnce(sending);
  const complete = aside.to === "somebody" ? to !== "" : words.trim() !== "";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (complete) send.mutate();
  };
  return (
    <Card title={aside.title} asking>
      <form
        ref={form}
        className={styles.form}
        onSubmit={submit}
        onKeyDown={(event) => {
          if (event.key === "Escape") onCancel();
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.current?.requestSubmit();
        }}
      >
        {aside.to !== "nobody" && <ToWhom aside={aside} value={to} onChange={setTo} />}
        <Textarea
          autoFocus={aside.to !== "somebody"}
          aria-label={aside.title}
          placeholder={aside.placeholder}
          autosize
          minRows={3}
          maxRows={8}
          value={words}
          onChange={(event) => write(event.currentTarget.value)}
        />
        <div className={styles.act}>
          <Button type="submit" disabled={!complete} loading={send.isPending}>
            {aside.label}
          </Button>
          <Button variant="default" onClick={onCancel}>
            Not now
          </Button>
        </div>
        <Trouble error={send.error} />
      </form>
    </Card>
  );
}

interface ToWhomProps {
  readonly aside: Aside;
  readonly value: string;
  readonly onChange: (username: string) => void;
}

function ToWhom({ aside, value, onChange }: ToWhomProps) {
  const all = useColleagues().data ?? [];
  const own = useMe().data?.username;
  const offered = all.filter(
    ({ username, roles }) => username !== own && (aside.to === "somebody" || roles.includes("lead")),
  );
  return (
    <NativeSelect
      autoFocus={aside.to === "somebody"}
      label="To"
      data={[
        { value: "", label: aside.to === "perhaps" ? "any lead" : "" },
        ...offered.map((colleague) => ({ value: colleague.username, label: called(colleague, all, own) })),
      ]}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

/** A colleague by name; who is away, with whoever gets the case instead. */
function called(colleague: Colleague, all: readonly Colleague[], own: string | undefined): string {
  const { display_name: name, away_until: away, stands_in: instead } = colleague;
  if (!away) return name;
  if (instead === null) return `${name} (away)`;
  if (instead === own) return `${name} (away; you stand in)`;
  return `${name} (away; ${all.find(({ username }) => username === instead)?.display_name ?? instead} stands in)`;
}
