import type { TermShown } from "../../api/schema";
import styles from "./TermList.module.css";

/** The terms of a decision, each on its own line: what it is called, and its value as people read it. */
export function TermList({ terms }: { terms: readonly TermShown[] }) {
  if (terms.length === 0) return null;
  return (
    <ul className={styles.terms} aria-label="Terms">
      {terms.map(({ name, label, formatted }) => (
        <li key={name}>
          <span>{label}:</span> <bdi>{formatted}</bdi>
        </li>
      ))}
    </ul>
  );
}
