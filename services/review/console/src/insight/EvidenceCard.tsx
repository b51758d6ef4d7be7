import type { Population, Watching } from "../api/feedback";
import { Chart } from "../charts/Chart";
import { line } from "../charts/scale";
import { Card } from "../ui/Card";
import { Trouble, Wide } from "../ui/Page";
import table from "../ui/table.module.css";
import styles from "./Insight.module.css";
import { useStanding } from "./useInsight";
import { amount, evidenceScale } from "./words";

/** How strongly the audits speak against the promise, audit by audit: it may be looked at as often as one likes. */
export function EvidenceCard({ population }: { population: Population }) {
  const standing = useStanding(population);
  const watching = standing.data?.watching;
  const trip = standing.data?.trip;
  return (
    <Card
      title="Evidence against the promise"
      {...(watching && { beside: `${watching.k} wrong of ${watching.n} audits` })}
      asking={trip !== null && trip !== undefined && !trip.lifted}
    >
      <Trouble error={standing.error} />
      {watching && watching.n > 0 ? (
        <>
          <EvidenceChart watching={watching} />
          <p className={styles.caption}>
            Audits (across), evidence against the promise (up; 1 speaks neither for nor against it). {watching.text}
          </p>
          <EvidenceTable watching={watching} />
        </>
      ) : (
        <p className={styles.none}>
          No promise is being watched yet. Once a certificate is in force, every blind audit moves this evidence, and it
          may be looked at as often as one likes.
        </p>
      )}
      {trip && !trip.lifted && (
        <p className={styles.caption}>
          <strong>Tripped: people decide in this tier.</strong> {trip.text}
        </p>
      )}
    </Card>
  );
}

function EvidenceChart({ watching }: { watching: Watching }) {
  const { log_bar: bar, log_evidence: now, n } = watching;
  const points = walked(watching);
  const { from, to, ticks } = evidenceScale(
    points.map(([, evidence]) => evidence),
    bar,
  );
  return (
    <Chart
      height={200}
      label={`Evidence against the promise over ${n} audits: it stands at ${amount(now)}; at ${amount(bar)} the tier goes back to people`}
      x={{ from: 0, to: n, ticks: n > 1 ? [0, Math.round(n / 2), n] : [0, n], format: String }}
      y={{ from, to, ticks, format: amount }}
    >
      {(x, y) => (
        <>
          <rect className={styles.trip} x={x(0)} width={x(n) - x(0)} y={y(to)} height={y(bar) - y(to)} />
          <line className={styles.promise} x1={x(0)} x2={x(n)} y1={y(bar)} y2={y(bar)} />
          <text className={styles.promised} x={x(0) + 6} y={y(bar) - 6}>
            alarm at {amount(bar)}: the tier goes back to people
          </text>
          <path className={styles.curve} d={line(points.map(([audits, evidence]) => [x(audits), y(evidence)]))} />
          <circle className={styles.point} cx={x(n)} cy={y(now)} r="4.5" />
        </>
      )}
    </Chart>
  );
}

/** The same in figures, for whoever cannot see the line or wants to copy it. */
function EvidenceTable({ watching }: { watching: Watching }) {
  return (
    <details className={styles.figures}>
      <summary>As a table</summary>
      <Wide label="Evidence by audits">
        <table className={table.table}>
          <thead>
            <tr>
              <th scope="col" data-number>
                After audits
              </th>
              <th scope="col" data-number>
                Evidence
              </th>
              <th scope="col">Alarm</th>
            </tr>
          </thead>
          <tbody>
            {walked(watching).map(([audits, evidence]) => (
              <tr key={audits}>
                <td data-number>{audits}</td>
                <td data-number>{amount(evidence)}</td>
                <td>{evidence >= watching.log_bar ? "yes" : "no"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
    </details>
  );
}

/** Before the first audit there is neither evidence for nor against: 1. */
function walked({ path }: Watching): readonly (readonly [number, number])[] {
  return [[0, 0], ...path.map(({ audits, log_evidence: evidence }) => [audits, evidence] as const)];
}
