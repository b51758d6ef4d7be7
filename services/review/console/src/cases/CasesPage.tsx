import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useRef, useState } from "react";
import { Link, useSearchParams } from "wouter";

import { explain } from "../api/problem";
import type { CaseRow } from "../api/schema";
import { ago } from "../format/time";
import { useNow } from "../format/useNow";
import { CommandKey } from "../keys/Keycap";
import { useCommand } from "../keys/KeyProvider";
import { useMe } from "../session/useSession";
import { Page } from "../ui/Page";
import styles from "./CasesPage.module.css";
import { type CaseState, useCases } from "./useCases";

const STATES: readonly { readonly value: CaseState | ""; readonly label: string }[] = [
  { value: "", label: "Every state" },
  { value: "human_review", label: "Human review" },
  { value: "decided", label: "Decided" },
  { value: "withdrawn", label: "Withdrawn" },
  { value: "archived", label: "Archived" },
];

// Long enough that a word is finished before it is searched for.
const TYPING_MS = 250;

/** All cases, automatic ones included. The search is in the address, so that it can be sent to a colleague. */
export function CasesPage() {
  const me = useMe();
  const [address, setAddress] = useSearchParams();
  const [text, setText] = useState(address.get("q") ?? "");
  const [sought] = useDebouncedValue(text.trim(), TYPING_MS);
  const state = (address.get("state") ?? "") as CaseState | "";
  const [pages, setPages] = useState<readonly (string | null)[]>([null]);
  const cursor = pages.at(-1) ?? null;
  const cases = useCases({ text: sought, state: state || null, cursor }, me.data?.tenants ?? []);
  const field = useRef<HTMLInputElement>(null);
  const searchKey = useCommand("search", { run: () => field.current?.focus() });

  const change = (name: "q" | "state", value: string) => {
    setPages([null]);
    setAddress(
      (before) => {
        const next = new URLSearchParams(before);
        if (value) next.set(name, value);
        else next.delete(name);
        return next;
      },
      { replace: true },
    );
  };

  return (
    <Page title="Cases">
      <div className={styles.search} role="search">
        <TextInput
          ref={field}
          className={styles.field ?? ""}
          aria-label="Case id or subject"
          aria-keyshortcuts={searchKey}
          placeholder="Case id or subject"
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value);
            change("q", event.currentTarget.value.trim());
          }}
          rightSection={<CommandKey of="search" />}
          rightSectionPointerEvents="none"
        />
        <NativeSelect
          aria-label="State"
          data={[...STATES]}
          value={state}
          onChange={(event) => change("state", event.currentTarget.value)}
        />
      </div>
      {cases.error && (
        <p role="alert" className={styles.trouble}>
          {explain(cases.error)}
        </p>
      )}
      {cases.data && <CaseTable cases={cases.data.items} sought={sought} />}
      <div className={styles.pager}>
        {pages.length > 1 && (
          <Button variant="default" onClick={() => setPages(pages.slice(0, -1))}>
            Newer
          </Button>
        )}
        {cases.data?.next_cursor && (
          <Button variant="default" onClick={() => setPages([...pages, cases.data?.next_cursor ?? null])}>
            Older
          </Button>
        )}
      </div>
    </Page>
  );
}

function CaseTable({ cases, sought }: { cases: readonly CaseRow[]; sought: string }) {
  const now = useNow(30_000);
  if (cases.length === 0) {
    return (
      <p className={styles.none}>
        {sought
          ? `No case has the id or the subject \u201c${sought}\u201d. Ids and subjects are matched whole.`
          : "There is no case in this state. Cases appear here as soon as they have been routed."}
      </p>
    );
  }
  return (
    <table className={styles.table}>
      <thead>
        <tr>
          <th scope="col">Case</th>
          <th scope="col">What</th>
          <th scope="col">State</th>
          <th scope="col">Decided by</th>
          <th scope="col">Came</th>
        </tr>
      </thead>
      <tbody>
        {cases.map((row) => (
          <tr key={`${row.tenant}/${row.case_id}`}>
            <td>
              <Link href={`/cases/${encodeURIComponent(row.tenant)}/${encodeURIComponent(row.case_id)}`}>
                {row.case_id}
              </Link>
            </td>
            <td>{row.title}</td>
            <td>{row.state_label}</td>
            <td>{row.decided_by ?? ""}</td>
            <td className={styles.when}>{ago(row.routed_at, now)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
