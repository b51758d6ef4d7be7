import type { Figures, Proportion } from "../api/feedback";
import styles from "./Insight.module.css";
import { basis, share, weighted } from "./words";

/** The figures that matter most, each with what it rests on. */
export function Tiles({ figures }: { figures: Figures }) {
  return (
    <dl className={styles.tiles}>
      <Tile label="Automatic" figure={figures.automation} unit="cases" />
      <Tile label="Wrong among automatic" figure={figures.audit_error} unit="blind audits" beside={weighted(figures)} />
      <Tile label="Overridden in review" figure={figures.override} unit="reviews" />
      <Tile label="Differs when unseen" figure={figures.blind_disagreement} unit="blind reviews" />
    </dl>
  );
}

interface TileProps {
  readonly label: string;
  readonly figure: Proportion;
  readonly unit: string;
  readonly beside?: string | null;
}

function Tile({ label, figure, unit, beside = null }: TileProps) {
  return (
    <div className={styles.tile}>
      <dt>{label}</dt>
      <dd>
        <strong>{figure.rate === null ? "\u2013" : share(figure.rate)}</strong>
        <small>
          {basis(figure, unit)}
          {beside !== null && ` \u00b7 ${beside}`}
        </small>
      </dd>
    </div>
  );
}
