import type { ReactNode } from "react";

import type { DiagnosticView } from "../api/router";
import styles from "./Policies.module.css";

interface DiagnosticsProps {
  readonly found: readonly DiagnosticView[];
  /** What else belongs in the list. */
  readonly children?: ReactNode;
}

/** What is wrong with a policy, or doubtful, and where. */
export function Diagnostics({ found, children }: DiagnosticsProps) {
  return (
    <ul className={styles.diagnostics}>
      {found.map((one) => (
        <li key={`${one.line} ${one.column} ${one.path} ${one.message}`} data-severity={one.severity}>
          {one.line > 0 ? `line ${one.line}` : one.path || "the whole"}: {one.message}
          {one.hint && `; ${one.hint}`}
        </li>
      ))}
      {children}
    </ul>
  );
}
