import type { Assessment, Evidence } from "../api/feedback";
import { Chart } from "../charts/Chart";
import { Card } from "../ui/Card";
import styles from "./Insight.module.css";

/** How strongly the audits speak against the promise, on a scale that may be looked at as often as one likes. */
export function EvidenceCard({ assessment }: { assessment: Assessment }) {
  const { watch } = assessment;
  return (
    <Card title="Evidence against the promise" {...(watch && { beside: `${watch.k} wrong of ${watch.n} audits` })}>
      {watch ? (
        <>
          <EvidenceChart watch={watch} />
          <p className={styles.caption}>{watch.text}</p>
        </>
      ) : (
        <p className={styles.none}>
          No promise is being watched yet. Once a certificate is in force, every blind audit moves this evidence, and it
          may be looked at as often as one likes.
        </p>
      )}
    </Card>
  );
}

const LOG_SPAN = Math.log(100);

function EvidenceChart({ watch }: { watch: Evidence }) {
  const bar = Math.log(1 / watch.delta);
  const low = Math.min(-LOG_SPAN, watch.log_alarm);
  const high = Math.max(bar * 1.4, watch.log_alarm);
  return (
    <Chart
      height={150}
      label={`The evidence against the promise is ${amount(watch.log_alarm)}; at ${amount(bar)} the tier goes back to people`}
      x={{ from: low, to: high, ticks: [low, 0, bar], format: amount }}
      y={{ from: 0, to: 1, ticks: [], format: String }}
    >
      {(x, y) => (
        <>
          <rect className={styles.trip} x={x(bar)} width={x(high) - x(bar)} y={y(0.85)} height={y(0.25) - y(0.85)} />
          <line className={styles.curve} x1={x(low)} x2={x(watch.log_alarm)} y1={y(0.55)} y2={y(0.55)} />
          <circle className={styles.point} cx={x(watch.log_alarm)} cy={y(0.55)} r="6" />
          <text className={styles.promised} x={x(high)} y={y(0.92)} textAnchor="end">
            trip: the tier goes back to people
          </text>
        </>
      )}
    </Chart>
  );
}

/** An e-value in the words of the axis: 20, 1, 1/100. */
function amount(logarithm: number): string {
  const value = Math.exp(logarithm);
  if (value >= 1) return value < 10 ? String(Number(value.toPrecision(2))) : String(Math.round(value));
  return `1/${Math.round(1 / value)}`;
}
