import type { KeyFact } from "../../api/schema";
import { Card } from "./Card";
import styles from "./KeyFacts.module.css";

type Fact = Pick<KeyFact, "field" | "label" | "formatted"> & {
  readonly flag?: string | null;
  readonly format?: string;
};

// Longer texts (a customer's message) get the whole width and are set as prose.
const PROSE = 40;
// From here on facts stand in lines, label and value, instead of tiles.
const MANY = 12;

export function KeyFacts({ facts, title = "Key facts" }: { facts: readonly Fact[]; title?: string }) {
  return (
    <Card title={title}>
      <div className={styles.box}>
        <dl className={styles.facts} data-dense={facts.length > MANY}>
          {facts.map((fact) => (
            <div key={fact.field} data-flagged={Boolean(fact.flag)} data-prose={fact.formatted.length > PROSE}>
              <dt>{fact.label}</dt>
              <dd>
                <span className={styles.value}>{fact.formatted}</span>
                {fact.flag && <span className={styles.flag}>{fact.flag}</span>}
              </dd>
            </div>
          ))}
        </dl>
      </div>
    </Card>
  );
}
