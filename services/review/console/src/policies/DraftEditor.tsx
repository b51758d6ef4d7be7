import { Button, Textarea, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";

import type { DraftEntry, Validation } from "../api/router";
import { Trouble } from "../ui/Page";
import { useLeaveGuard } from "../ui/useLeaveGuard";
import { Diagnostics } from "./Diagnostics";
import styles from "./Policies.module.css";
import { useSaveDraft, useValidation } from "./usePolicies";
import { useUnsaved } from "./useUnsaved";

interface DraftEditorProps {
  /** Null while it is a new one. */
  readonly draft: DraftEntry | null;
  /** Of which policy or draft it is. */
  readonly place: string;
  readonly yaml: string;
  readonly onDone: () => void;
}

// As long as somebody is typing, nothing they type is a mistake.
const PAUSE_MS = 500;

/** The text of a policy, checked while it is written. */
export function DraftEditor({ draft, place, yaml, onDone: close }: DraftEditorProps) {
  const { text, write, forget } = useUnsaved(place, yaml);
  const [reason, setReason] = useState(draft?.reason ?? "");
  const [settled] = useDebouncedValue(text, PAUSE_MS);
  const validation = useValidation(settled === yaml && !draft ? "" : settled);
  const [kept, keep] = useState(false);
  // Whoever looks elsewhere before the page has read it all anew has nothing unsaved, either.
  const save = useSaveDraft(() => {
    forget();
    keep(true);
  });
  useLeaveGuard(text !== yaml && !kept);
  const onDone = () => {
    forget();
    close();
  };
  return (
    <form
      className={styles.editor}
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate({ draft, yaml: text, reason: reason.trim() }, { onSuccess: onDone });
      }}
    >
      <Textarea
        label="The policy, as YAML"
        autoFocus
        classNames={{ input: styles.yaml ?? "" }}
        rows={22}
        spellCheck={false}
        value={text}
        onChange={(event) => write(event.currentTarget.value)}
      />
      <div role="status">{validation.data && <Checked found={validation.data} />}</div>
      <TextInput
        label="Why"
        required
        withAsterisk={false}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      <div className={styles.act}>
        <Button type="submit" loading={save.isPending} disabled={!reason.trim() || text === yaml}>
          {draft ? "Save the draft" : "Begin the draft"}
        </Button>
        <Button variant="default" onClick={onDone}>
          Not now
        </Button>
      </div>
      <Trouble error={save.error} />
    </form>
  );
}

function Checked({ found }: { found: Validation }) {
  const faulty = found.diagnostics.some(({ severity }) => severity === "error");
  return (
    <Diagnostics found={found.diagnostics}>
      {found.usable && !faulty && (
        <li data-severity="none">It can be used, and its {found.examples.length} examples come out as they say.</li>
      )}
    </Diagnostics>
  );
}
