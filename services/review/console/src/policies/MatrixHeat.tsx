import type { MatrixCell as Audited } from "../api/feedback";
import type { MatrixCell, MatrixView } from "../api/router";
import { Card } from "../ui/Card";
import { Trouble, Wide } from "../ui/Page";
import { basis, share } from "../insight/words";
import styles from "./Policies.module.css";
import { useAuditedCells, useMatrix } from "./usePolicies";

/** Consequence by confidence: the level, how many cases fell there, how many ran by themselves, how many were wrong. */
export function MatrixHeat({ decisionType, tenant }: { decisionType: string; tenant: string | null }) {
  const matrix = useMatrix(decisionType, tenant);
  const audited = useAuditedCells(decisionType, tenant);
  if (!matrix.data) return <Trouble error={matrix.error} />;
  return (
    <Card title="The matrix, and what came of it" beside={tenant === null ? "last 7 days" : `${tenant}, last 7 days`}>
      <Heat matrix={matrix.data} audited={audited.data ?? []} />
      <p className={styles.caption}>
        Down: what a wrong decision would cost. Across: how sure the machine is. The bar shows which share of the
        cell&rsquo;s cases ran by themselves; below it, how many blind audits found a wrong one.
        {matrix.data.outside > 0 &&
          ` ${matrix.data.outside} more cases reached no cell: no proposal, missing inputs or no policy; people got them.`}
      </p>
    </Card>
  );
}

function Heat({ matrix, audited }: { matrix: MatrixView; audited: readonly Audited[] }) {
  const { tiers, bands, cells } = matrix;
  const at = <Cell extends { tier: string; band: string }>(all: readonly Cell[], tier: string, band: string) =>
    all.find((cell) => cell.tier === tier && cell.band === band);
  return (
    <Wide label="Matrix">
      <table className={styles.heat}>
        <caption className="visually-hidden">
          Levels by consequence (rows) and confidence (columns), with counts
        </caption>
        <thead>
          <tr>
            <td />
            {bands.map((band) => (
              <th key={band} scope="col">
                {band} confidence
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {tiers.map((tier) => (
            <tr key={tier}>
              <th scope="row">{tier}</th>
              {bands.map((band) => (
                <HeatCell key={band} cell={at(cells, tier, band)} audited={at(audited, tier, band)} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

function HeatCell({ cell, audited }: { cell: MatrixCell | undefined; audited: Audited | undefined }) {
  if (!cell) return <td />;
  const error = audited?.figures.audit_error;
  return (
    <td data-level={cell.level} data-idle={cell.cases === 0}>
      <span className={styles.level}>
        level <strong>{cell.level}</strong>
      </span>
      <span className={styles.count}>
        {cell.cases === 0 ? "no cases" : `${cell.cases} ${cell.cases === 1 ? "case" : "cases"}`}
      </span>
      {cell.cases > 0 && (
        <>
          <span className={styles.bar} aria-hidden="true">
            <span style={{ width: `${(cell.automatic / cell.cases) * 100}%` }} />
          </span>
          <small>
            {cell.automatic === 0 ? "none" : cell.automatic} by machine
            {error && error.n > 0 && (
              <span title={basis(error, "blind audits")}>
                {" "}
                &middot; {error.k} of {error.n} wrong{error.rate !== null && ` (${share(error.rate)})`}
              </span>
            )}
          </small>
        </>
      )}
    </td>
  );
}
