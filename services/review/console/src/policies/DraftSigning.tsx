import { Button, TextInput } from "@mantine/core";
import { useState } from "react";

import type { DraftEntry } from "../api/router";
import type { Me } from "../api/schema";
import { moment } from "../format/time";
import { useNow } from "../format/useNow";
import { Name } from "../people/Name";
import { hasRole } from "../session/roles";
import { Trouble } from "../ui/Page";
import styles from "./Policies.module.css";
import { useApproveDraft, usePublishDraft } from "./usePolicies";

/** The two last steps: another person's signature, and putting the version into force. */
export function DraftSigning({ me, draft }: { me: Me; draft: DraftEntry }) {
  const now = useNow(30_000);
  const [words, setWords] = useState("");
  const approve = useApproveDraft();
  const publish = usePublishDraft();
  const author = draft.authors.includes(me.pseudonym);
  const signed = draft.approvals.some(({ by, counts }) => by === me.pseudonym && counts);
  const ready = !draft.needs.includes("test") && !draft.needs.includes("replay");
  const mayApprove = hasRole(me, "policy_approver") && draft.needs.includes("approval") && ready && !author && !signed;
  const mayPublish = hasRole(me, "policy_author", "policy_approver") && draft.needs[0] === "publish";
  return (
    <div className={styles.signing}>
      {draft.approvals.map((approval) => (
        <p key={`${approval.by} ${approval.signed_at}`} className={styles.caption}>
          {approval.by === me.pseudonym ? "You" : <Name of={approval.by} />} approved it,{" "}
          {moment(approval.signed_at, now)}
          {approval.comment && `: ${approval.comment}`}
          {approval.void && ` (does not count: ${approval.void})`}
        </p>
      ))}
      {draft.needs.includes("approval") && (
        <p className={styles.caption}>
          {!ready
            ? "Its examples and a replay must pass before anybody can approve it."
            : author
              ? "You wrote it, so somebody else must approve it."
              : !mayApprove && "It waits for a policy approver who did not write it."}
        </p>
      )}
      {(mayApprove || mayPublish) && (
        <div className={styles.sign}>
          <TextInput
            label={mayApprove ? "What you looked at" : "Why it is published now"}
            value={words}
            onChange={(event) => setWords(event.currentTarget.value)}
          />
          {mayApprove && (
            <Button loading={approve.isPending} onClick={() => approve.mutate({ draft, words: words.trim() })}>
              Approve version {draft.version}
            </Button>
          )}
          {mayPublish && (
            <Button
              loading={publish.isPending}
              disabled={!words.trim()}
              onClick={() => publish.mutate({ draft, words: words.trim() })}
            >
              Publish version {draft.version}
            </Button>
          )}
        </div>
      )}
      <Trouble error={approve.error ?? publish.error} />
    </div>
  );
}
