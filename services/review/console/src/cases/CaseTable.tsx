import { useRef } from "react";
import { Link, useSearch } from "wouter";

import type { CaseRow } from "../api/schema";
import { ago } from "../format/time";
import { useNow } from "../format/useNow";
import { useCommand } from "../keys/KeyProvider";
import { stepFocus } from "../ui/stepFocus";
import { useTenants } from "../tenants/useTenants";
import styles from "./CasesPage.module.css";

const DECIDERS: Readonly<Record<string, string>> = { automation: "automation", person: "a person" };

export function CaseTable({ cases }: { cases: readonly CaseRow[] }) {
  const now = useNow(30_000);
  const tenanted = useTenants().length > 0;
  const search = useSearch();
  const body = useRef<HTMLTableSectionElement>(null);
  const move = (step: 1 | -1) => stepFocus(body.current?.querySelectorAll("a") ?? [], step);
  useCommand("down", { label: "next case in the list", run: () => move(1) });
  useCommand("up", { label: "previous case in the list", run: () => move(-1) });
  return (
    <table aria-label="Cases found" className={styles.table}>
      <thead>
        <tr>
          <th scope="col">Case</th>
          <th scope="col">What</th>
          <th scope="col">State</th>
          <th scope="col">Decided by</th>
          <th scope="col">Level</th>
          <th scope="col">Came</th>
        </tr>
      </thead>
      <tbody ref={body}>
        {cases.map((row) => (
          <tr key={`${row.tenant}/${row.case_id}`}>
            <td>
              <Link
                href={`/cases/${encodeURIComponent(row.tenant)}/${encodeURIComponent(row.case_id)}`}
                state={{ search }}
              >
                {row.case_id}
              </Link>
              {tenanted && <small className={styles.tenant}>{row.tenant}</small>}
            </td>
            <td>
              <bdi>{row.title}</bdi>
            </td>
            <td>{row.state_label}</td>
            <td>{row.decided_by && DECIDERS[row.decided_by]}</td>
            <td>{row.level}</td>
            <td className={styles.when}>{ago(row.routed_at, now)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
