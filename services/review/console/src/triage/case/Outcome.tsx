import type { EarlierCase, OutcomeChoice } from "../../api/schema";
import styles from "./Outcome.module.css";

export type OutcomeMarks = ReadonlyMap<string, Pick<OutcomeChoice, "colour" | "rejects">>;

/** The decision type's own colours and signs, by outcome. */
export function outcomeMarks(outcomes: readonly OutcomeChoice[]): OutcomeMarks {
  return new Map(outcomes.map(({ outcome, colour, rejects }) => [outcome, { colour, rejects }]));
}

/** How a case ended: the word, the sign of its button, and its colour. */
export function Outcome({
  of: { outcome, outcome_label: label, state },
  marks,
}: {
  of: EarlierCase;
  marks: OutcomeMarks;
}) {
  const mark = outcome === null ? undefined : marks.get(outcome);
  return (
    <span className={styles.outcome} data-colour={mark?.colour}>
      {mark && <span aria-hidden="true">{mark.rejects ? "\u2715\u00a0" : "\u2713\u00a0"}</span>}
      {label ?? state.replaceAll("_", " ")}
    </span>
  );
}
