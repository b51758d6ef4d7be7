import { Button, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";

import { save } from "../files/save";
import { Card } from "../ui/Card";
import { Trouble } from "../ui/Page";
import styles from "./Audit.module.css";
import type { Recovery } from "./keys";
import { useVerification, type Verified } from "./useAudit";

/** The newest checkpoint, checked in this browser: its signature, and that the log only grew. */
export function VerifyCard() {
  const verify = useVerification();
  const [older, setOlder] = useState("");
  const [key, setKey] = useState("");
  const found = verify.data;
  return (
    <Card title="Verify the log">
      <p className={styles.mute}>
        Checked here, from hashes and signature; the server&rsquo;s word is not taken for it. Compare with a checkpoint
        that you keep elsewhere, or with the one this browser saw last.
      </p>
      <details className={styles.own}>
        <summary>Use a checkpoint and a key of your own</summary>
        <Textarea
          label="Older checkpoint"
          autosize
          minRows={3}
          value={older}
          onChange={(event) => setOlder(event.currentTarget.value)}
        />
        <TextInput label="Verifier key" value={key} onChange={(event) => setKey(event.currentTarget.value)} />
      </details>
      <div className={styles.act}>
        <Button variant="default" loading={verify.isPending} onClick={() => verify.mutate({ older, key })}>
          Verify now
        </Button>
        {found && (
          <Button
            variant="subtle"
            onClick={() =>
              save(`checkpoint-${found.checkpoint.size}.txt`, new Blob([found.checkpoint.note], { type: "text/plain" }))
            }
          >
            Keep this checkpoint
          </Button>
        )}
      </div>
      <div role="status">{found && <Findings found={found} />}</div>
      <Trouble error={verify.error} />
    </Card>
  );
}

function Findings({ found }: { found: Verified }) {
  const { checkpoint, signed, grew, since, recovered } = found;
  return (
    <ul className={styles.findings}>
      <Finding good={signed}>{signatureWords(found)}</Finding>
      <Finding good={recovered ? null : grew}>{growthWords(found)}</Finding>
      <li className={styles.root}>
        {checkpoint.origin}: {checkpoint.size} entries, root <code>{checkpoint.root}</code>
        {since && grew === false && (
          <>
            ; before: {since.size} entries, root <code>{since.root}</code>
          </>
        )}
      </li>
    </ul>
  );
}

function signatureWords({ signed, signer }: Verified): string {
  if (signer === null) return "The log\u2019s key is not yours to read here. Give the one you were handed, above.";
  if (signed === null) return "This browser cannot check Ed25519 signatures. countersign-verify can, from an export.";
  const whose = signer === "given" ? "the key you gave" : `the key that the log\u2019s ${entryWords(signer)} names`;
  return signed ? `Signed by ${whose}.` : `NOT signed by ${whose}. Keep this checkpoint and call whoever runs the log.`;
}

function entryWords(index: number): string {
  return index === 0 ? "first entry" : `entry ${index}`;
}

function growthWords({ grew, since, checkpoint, recovered }: Verified): string {
  if (!since || grew === null) return "Nothing older to compare with yet. The next look compares with this one.";
  if (recovered) return lossWords(recovered, since.size);
  if (!grew) return "The log was REWRITTEN: it does not begin with what it held before. Keep both checkpoints.";
  if (since.size === checkpoint.size) return "Nothing was added, and nothing changed, since the older checkpoint.";
  const added = checkpoint.size - since.size;
  return `Everything it held at ${since.size} entries is still there; ${added === 1 ? "1 was" : `${added} were`} added.`;
}

function lossWords({ index, lastLost, origin }: Recovery, size: number): string {
  return (
    `Entries ${index} to ${lastLost} were lost when an older database was restored: entry ${index} says so, and the log ` +
    `goes on as ${origin}. The older checkpoint covers ${size - index} of them. It cannot show whether the ${index} entries ` +
    "before the loss are unchanged: compare with a checkpoint over no more than those."
  );
}

function Finding({ good, children }: { good: boolean | null; children: string }) {
  const sign = good === null ? "\u2013" : good ? "\u2713" : "\u2715";
  return (
    <li data-good={good === null ? "unknown" : good}>
      <span aria-hidden="true">{sign}</span> {children}
    </li>
  );
}
