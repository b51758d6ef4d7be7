import type { Figures, Proportion, TypeSummary } from "../api/feedback";
import { Card } from "../ui/Card";
import { Wide } from "../ui/Page";
import table from "../ui/table.module.css";
import { useAddressed } from "../ui/useAddressed";
import styles from "./Insight.module.css";
import { interval, share, weighted } from "./words";

const CUTS = {
  tiers: "Consequence",
  bands: "Confidence",
  levels: "Level",
  models: "Model",
  reasons: "Reason",
} as const;
const NAMES = Object.keys(CUTS) as (keyof typeof CUTS)[];

/** The same figures, cut as one wants to look at them. */
export function FiguresTable({ type }: { type: TypeSummary }) {
  const [wanted, setCut] = useAddressed("by");
  const cut = NAMES.find((name) => name === wanted) ?? "tiers";
  return (
    <Card title="Figures">
      <div className={styles.cuts} role="group" aria-label="Cut by">
        {NAMES.map((name) => (
          <button key={name} type="button" aria-pressed={cut === name} onClick={() => setCut(name)}>
            {CUTS[name]}
          </button>
        ))}
      </div>
      <Wide label="Figures">
        <table className={table.table}>
          <thead>
            <tr>
              <th scope="col">{CUTS[cut]}</th>
              <th scope="col" data-number>
                Cases
              </th>
              <th scope="col">Automatic</th>
              <th scope="col">Wrong among automatic</th>
              <th scope="col">Overridden</th>
              <th scope="col">Differs when unseen</th>
            </tr>
          </thead>
          <tbody>
            {type[cut].map(({ name, figures }) => (
              <Row key={name} name={name} figures={figures} />
            ))}
          </tbody>
        </table>
      </Wide>
    </Card>
  );
}

function Row({ name, figures }: { name: string; figures: Figures }) {
  return (
    <tr>
      <th scope="row">{name.replaceAll("_", " ")}</th>
      <td data-number>{figures.counts.cases ?? 0}</td>
      <Share figure={figures.automation} />
      <Share figure={figures.audit_error} beside={weighted(figures)} />
      <Share figure={figures.override} />
      <Share figure={figures.blind_disagreement} />
    </tr>
  );
}

function Share({ figure, beside = null }: { figure: Proportion; beside?: string | null }) {
  return (
    <td title={figure.text}>
      {figure.rate === null ? (
        <span className={styles.few}>
          {figure.n} of {figure.needed} needed
        </span>
      ) : (
        <>
          {share(figure.rate)}{" "}
          <span className={styles.few}>
            {interval(figure)}, n = {figure.n}
            {beside !== null && `; ${beside}`}
          </span>
        </>
      )}
    </td>
  );
}
