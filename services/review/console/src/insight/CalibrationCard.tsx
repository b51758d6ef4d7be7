import type { Bin, Population, Refit, Reliability } from "../api/feedback";
import { Chart } from "../charts/Chart";
import { line } from "../charts/scale";
import { Card } from "../ui/Card";
import styles from "./Insight.module.css";
import { useStanding } from "./useInsight";
import { share } from "./words";

const HALVES = [0, 0.25, 0.5, 0.75, 1];

interface CalibrationCardProps {
  readonly population: Population;
  readonly reliability: Reliability | null;
  readonly refit: Refit | null;
}

/** Whether confidences can be taken at their word: what was said against what was right. */
export function CalibrationCard({ population, reliability, refit }: CalibrationCardProps) {
  const tightened = useStanding(population).data?.tightened;
  return (
    <Card title="Can confidences be believed?" {...(reliability && { beside: `n = ${reliability.n}` })}>
      {reliability && reliability.bins.length > 0 ? (
        <>
          <CalibrationChart bins={reliability.bins} />
          <p className={styles.caption}>
            Confidence said (across), share that was right (up), with exact 95 % intervals. On the diagonal, 80 % sure
            means right in 80 of 100. Calibration error {share(reliability.ece)}, Brier score{" "}
            {reliability.brier.toFixed(3)}.
            {refit?.better && ` A ${refit.method} refit would do better: ${share(refit.after.ece)}.`}
          </p>
        </>
      ) : (
        <p className={styles.none}>Not enough blind answers to say. Each one adds to this picture.</p>
      )}
      {tightened && (
        <p className={styles.caption}>
          <strong>The bands are tightened meanwhile.</strong> {tightened.text}
        </p>
      )}
    </Card>
  );
}

function CalibrationChart({ bins }: { bins: readonly Bin[] }) {
  const from = Math.min(0.5, ...bins.map(({ said, lower }) => Math.min(said, lower)));
  const start = from < 0.25 ? 0 : from < 0.5 ? 0.25 : 0.5;
  const ticks = start === 0.5 ? [0.5, 0.6, 0.7, 0.8, 0.9, 1] : HALVES.filter((tick) => tick >= start);
  const said = bins.map((bin) => `said ${share(bin.said)}, right ${bin.right} of ${bin.n}`).join("; ");
  return (
    <Chart
      label={`Calibration: ${said}`}
      x={{ from: start, to: 1, ticks, format: share }}
      y={{ from: start, to: 1, ticks, format: share }}
    >
      {(x, y) => (
        <>
          <path
            className={styles.diagonal}
            d={line([
              [x(start), y(start)],
              [x(1), y(1)],
            ])}
          />
          {bins.map((bin) => (
            <g key={bin.low}>
              <title>{`said ${share(bin.said)}, right ${bin.right} of ${bin.n}`}</title>
              <line className={styles.whisker} x1={x(bin.said)} x2={x(bin.said)} y1={y(bin.lower)} y2={y(bin.upper)} />
              <circle className={styles.point} cx={x(bin.said)} cy={y(bin.right / bin.n)} r="4.5" />
            </g>
          ))}
        </>
      )}
    </Chart>
  );
}
