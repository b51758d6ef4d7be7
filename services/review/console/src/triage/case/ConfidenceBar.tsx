import type { ThresholdsShown } from "../../api/schema";
import { percent } from "../../format/percent";
import styles from "./ConfidenceBar.module.css";

interface ConfidenceBarProps {
  readonly confidence: number;
  readonly thresholds: ThresholdsShown | null;
}

/** Confidence from 0 to 1 with the limits of the bands drawn in. */
export function ConfidenceBar({ confidence, thresholds }: ConfidenceBarProps) {
  const limits = thresholds
    ? `; band medium from ${percent(thresholds.medium)}, high above ${percent(thresholds.high)}`
    : "";
  return (
    <div
      className={styles.meter}
      role="img"
      aria-label={`Confidence ${percent(confidence, thresholds ? [thresholds.medium, thresholds.high] : [])}${limits}`}
    >
      <div className={styles.bar}>
        <span className={styles.fill} style={{ width: `${confidence * 100}%` }} />
        {thresholds && <Tick at={thresholds.medium} />}
        {thresholds && <Tick at={thresholds.high} />}
      </div>
      {thresholds && (
        <div className={styles.scale}>
          <span>0</span>
          <Limit at={thresholds.medium} text="medium" />
          <Limit at={thresholds.high} text="high" />
        </div>
      )}
    </div>
  );
}

function Tick({ at }: { at: number }) {
  return <span className={styles.tick} style={{ left: `${at * 100}%` }} />;
}

/** Written to the left of its tick, where there is always room: limits lie in the upper half. */
function Limit({ at, text }: { at: number; text: string }) {
  return (
    <span className={styles.limit} style={{ right: `${100 - at * 100}%` }}>
      <span className={styles.word}>{text} </span>
      {Math.round(at * 100)}
    </span>
  );
}
