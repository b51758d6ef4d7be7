import type { ContextPackage, Recommendation } from "../../api/schema";
import { percent } from "../../format/percent";
import { Card } from "../../ui/Card";
import { ConfidenceBar } from "./ConfidenceBar";
import { Factors } from "./Factors";
import styles from "./Proposal.module.css";
import { TermList } from "./TermList";

/** What the model proposes; or why there is nothing to show; or, when it is withheld, the question instead. */
export function Proposal({ context }: { context: ContextPackage }) {
  if (context.withheld) {
    return (
      <Card title="What would you decide?">
        <p className={styles.open}>
          For this case your own view is wanted first. Nothing here tells what a model thinks.
        </p>
      </Card>
    );
  }
  if (!context.recommendation) {
    return (
      <Card title="No proposal">
        <p className={styles.open}>{sentence(context.no_recommendation ?? "No model gave a view on this case")}</p>
      </Card>
    );
  }
  return <Recommended recommendation={context.recommendation} />;
}

function Recommended({ recommendation }: { recommendation: Recommendation }) {
  const {
    label,
    confidence,
    band,
    plain_words: words,
    second_choice: second,
    factors,
    thresholds,
    summary,
    terms,
  } = recommendation;
  return (
    <Card title="What the model proposes" beside={recommendation.model}>
      <p className={styles.proposal}>
        <strong>{label}</strong>
        <span className={styles.sure}>
          {percent(confidence, thresholds ? [thresholds.medium, thresholds.high] : [])} sure{band && ` \u00b7 ${band}`}
        </span>
      </p>
      <TermList terms={terms} />
      <ConfidenceBar confidence={confidence} thresholds={thresholds} />
      <p className={styles.words}>{words}</p>
      {factors.length > 0 ? <Factors factors={factors} outcome={label} /> : <p className={styles.summary}>{summary}</p>}
      {second && (
        <p className={styles.second}>
          Second choice: <strong>{second.label}</strong>, {percent(second.confidence)}.
          {second.why_lower && ` ${whyLower(second.why_lower)}`}
        </p>
      )}
    </Card>
  );
}

function ended(text: string): string {
  return text.endsWith(".") ? text : `${text}.`;
}

function sentence(text: string): string {
  return ended(text.charAt(0).toUpperCase() + text.slice(1));
}

function whyLower(why: string): string {
  return ended(/^\p{Lu}/u.test(why) ? why : `Ranked lower because ${why}`);
}
