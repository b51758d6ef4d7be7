import { useElementSize } from "@mantine/hooks";
import type { ReactNode } from "react";

import styles from "./Chart.module.css";
import { linear, type Scale } from "./scale";

interface Axis {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  readonly format: (value: number) => string;
}

interface ChartProps {
  /** What the picture says, for those who cannot see it. */
  readonly label: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly height?: number;
  readonly children: (x: Scale, y: Scale) => ReactNode;
}

const LEFT = 48;
const RIGHT = 18;
const TOP = 10;
const BOTTOM = 24;
const FIRST_WIDTH = 520;

/** A frame with axes. It is drawn at its real width, so that its text has the size of the page's on a phone, too. */
export function Chart({ label, x, y, height = 230, children }: ChartProps) {
  const { ref, width } = useElementSize();
  const wide = width || FIRST_WIDTH;
  const across = linear(x.from, x.to, LEFT, wide - RIGHT, x.ticks);
  const up = linear(y.from, y.to, height - BOTTOM, TOP, y.ticks);
  return (
    <div ref={ref} className={styles.frame}>
      <svg width={wide} height={height} viewBox={`0 0 ${wide} ${height}`} role="img" aria-label={label}>
        {y.ticks.map((tick) => (
          <g key={tick}>
            <line className={styles.grid} x1={LEFT} x2={wide - RIGHT} y1={up(tick)} y2={up(tick)} />
            <text className={styles.tick} x={LEFT - 8} y={up(tick) + 4} textAnchor="end">
              {y.format(tick)}
            </text>
          </g>
        ))}
        {x.ticks.map((tick) => (
          <text key={tick} className={styles.tick} x={across(tick)} y={height - 6} textAnchor="middle">
            {x.format(tick)}
          </text>
        ))}
        {children(across, up)}
      </svg>
    </div>
  );
}
