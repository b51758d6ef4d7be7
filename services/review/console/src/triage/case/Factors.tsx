import type { ShownFactor } from "../../api/schema";
import styles from "./Factors.module.css";

// More than this no longer explains; the rest is one click away.
const SHOWN = 4;

/** What spoke for the proposed outcome and what against it, strongest first. */
export function Factors({ factors, outcome }: { factors: readonly ShownFactor[]; outcome: string }) {
  const strongest = Math.max(...factors.map(({ effect }) => Math.abs(effect)), Number.EPSILON);
  const rows = (some: readonly ShownFactor[]) => (
    <ul className={styles.factors}>
      {some.map((factor) => (
        <Factor
          key={`${factor.field} ${factor.formatted}`}
          factor={factor}
          share={Math.abs(factor.effect) / strongest}
          outcome={outcome}
        />
      ))}
    </ul>
  );
  return (
    <>
      {rows(factors.slice(0, SHOWN))}
      {factors.length > SHOWN && (
        <details className={styles.more}>
          <summary>
            {factors.length === SHOWN + 1 ? "1 weaker factor" : `${factors.length - SHOWN} weaker factors`}
          </summary>
          {rows(factors.slice(SHOWN))}
        </details>
      )}
    </>
  );
}

function Factor({ factor, share, outcome }: { factor: ShownFactor; share: number; outcome: string }) {
  return (
    <li className={styles.factor} title={factor.text ?? undefined}>
      <span className={styles.label}>
        {factor.label} <span className={styles.value}>{factor.formatted}</span>
      </span>
      <span className={styles.track}>
        <span
          className={styles.bar}
          data-direction={factor.direction}
          style={{ width: `${Math.max(3, share * 100)}%` }}
        />
      </span>
      <span className={styles.word}>
        {factor.direction}
        <span className="visually-hidden"> {outcome}</span>
      </span>
    </li>
  );
}
