import type { Assessment, RiskPoint } from "../api/feedback";
import { Chart } from "../charts/Chart";
import { band, line, ticksTo } from "../charts/scale";
import { Card } from "../ui/Card";
import styles from "./Insight.module.css";
import { downloadRecipe } from "./recipe";
import { populationWords, share, unjudgedWords } from "./words";

const QUARTERS = [0, 0.25, 0.5, 0.75, 1];

/** How wrong automation would be for every share of the cases that could be automated. */
export function RiskCard({ assessment }: { assessment: Assessment }) {
  const { curve, outcome, alpha, not_compared: unseen, unjudged = 0 } = assessment;
  const points = curve.filter(({ risk }) => risk !== null).toSorted((one, other) => one.coverage - other.coverage);
  const certificate = "threshold" in outcome ? outcome : null;
  const certified = certificate && points.findLast(({ threshold }) => threshold >= certificate.threshold);
  return (
    <Card title="Risk against coverage" beside={populationWords(assessment)}>
      {points.length > 1 ? (
        <RiskChart points={points} alpha={alpha} certified={certified ?? null} />
      ) : (
        <p className={styles.none}>No blind answers yet that a curve could be drawn through.</p>
      )}
      <p className={styles.caption}>
        Share automated (across), share of it that is wrong (up), with exact 95 % intervals. {outcome.text}
        {unseen && ` Labels were not compared with traffic: ${unseen}. Coverage is theirs, not traffic's.`}
        {unjudged > 0 && ` ${unjudgedWords(unjudged)}`}
      </p>
      <button type="button" className={styles.link} onClick={() => downloadRecipe(assessment)}>
        Recompute it
      </button>
    </Card>
  );
}

interface RiskChartProps {
  readonly points: readonly RiskPoint[];
  readonly alpha: number;
  readonly certified: RiskPoint | null;
}

function RiskChart({ points, alpha, certified }: RiskChartProps) {
  // An interval from three labels reaches far; it must not flatten everything else.
  const most = Math.min(1, Math.max(alpha * 2, ...points.map(({ risk }) => (risk ?? 0) * 1.5)));
  const ticks = ticksTo(most);
  const label = certified
    ? `Risk against coverage: certified at ${share(certified.coverage)} automatic, where ${share(certified.risk ?? 0)} was wrong`
    : `Risk against coverage up to ${share(points.at(-1)?.coverage ?? 0)} automatic; nothing is certified`;
  return (
    <Chart
      label={label}
      x={{ from: 0, to: 1, ticks: QUARTERS, format: share }}
      y={{ from: 0, to: ticks.at(-1) ?? 1, ticks, format: share }}
    >
      {(x, y) => (
        <>
          <path
            className={styles.band}
            d={band(
              points.map((point) => [x(point.coverage), y(point.upper)]),
              points.map((point) => [x(point.coverage), y(point.lower)]),
            )}
          />
          <line className={styles.promise} x1={x(0)} x2={x(1)} y1={y(alpha)} y2={y(alpha)} />
          <path className={styles.curve} d={line(points.map((point) => [x(point.coverage), y(point.risk ?? 0)]))} />
          <text className={styles.promised} x={x(1)} y={y(alpha) - 5} textAnchor="end">
            promise: at most {share(alpha)}
          </text>
          {certified && (
            <g className={styles.certified}>
              <line x1={x(certified.coverage)} x2={x(certified.coverage)} y1={y(0)} y2={y(ticks.at(-1) ?? 1)} />
              <circle cx={x(certified.coverage)} cy={y(certified.risk ?? 0)} r="4.5" />
              <text
                x={x(certified.coverage) + (certified.coverage > 0.5 ? -8 : 8)}
                y={y(ticks.at(-1) ?? 1) + 12}
                textAnchor={certified.coverage > 0.5 ? "end" : "start"}
              >
                certified: {share(certified.coverage)} automatic
              </text>
            </g>
          )}
        </>
      )}
    </Chart>
  );
}
