import type { Matrix } from "../../api/schema";
import { Card } from "../../ui/Card";
import styles from "./MatrixCard.module.css";

const MEANING: Readonly<Record<number, string>> = {
  1: "decided by itself.",
  2: "decided by itself, checked in samples.",
  3: "nothing happens before you decide.",
  4: "you decide, with the model's help.",
  5: "you decide alone.",
};

/** The policy's table of consequence against confidence, and the cell this case fell into. */
export function MatrixCard({ matrix }: { matrix: Matrix }) {
  const { tiers, bands, levels, tier, band, level } = matrix;
  const here = (row: string, column: string) => row === tier && column === band;
  const fromTable = levels?.[tiers.indexOf(tier)]?.[bands.indexOf(band)];
  return (
    <Card title="Where this case sits">
      <table className={styles.matrix}>
        <caption className="visually-hidden">
          Level of human involvement by consequence of a wrong decision (rows) and confidence (columns)
        </caption>
        <thead>
          <tr>
            <td />
            {bands.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {tiers.map((row, rowIndex) => (
            <tr key={row}>
              <th scope="row">{row}</th>
              {bands.map((column, columnIndex) => {
                const shown = levels?.[rowIndex]?.[columnIndex] ?? (here(row, column) ? level : null);
                return (
                  <td key={column} data-level={shown ?? 0} aria-current={here(row, column)}>
                    {shown ?? ""}
                    {here(row, column) && <span className="visually-hidden"> this case</span>}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      <p className={styles.reading}>
        Down: consequence. Across: confidence. Level {level}: {MEANING[level] ?? matrix.level_name}
        {fromTable !== undefined && fromTable !== level && ` The table alone says ${fromTable}; see why above.`}
      </p>
    </Card>
  );
}
