import type { Assessment } from "../api/feedback";
import { save } from "../files/save";

/** How to redo a certificate with pencil, paper and the binomial distribution. */
const RECIPE = [
  "Who could be automated is ranked by the model's confidence. `outcome.steps` are the thresholds tried, strictest first.",
  "At each step, n blind answers lie at or above the threshold and k of them found the proposal wrong; `kept` of the `labels` count, thinned to one chance of being drawn.",
  "p_value = P(X <= k) for X ~ Binomial(n, alpha): how likely so few errors would be if the true share were alpha.",
  "A step passes when p_value <= level. Where a threshold passes, the next one's level includes its whole level. Levels that begin anew, also after one that failed, sum to delta at most.",
  "The loosest threshold that passed is certified, and of those with the same n the strictest.",
  "upper_bound is the largest share q with P(X <= k) >= level for X ~ Binomial(n, q) (Clopper and Pearson, one-sided).",
  "docs/certified-automation.md says why this holds, under which conditions, and what it does not promise.",
];

/** Gives the counts behind an assessment and how to use them as one file. */
export function downloadRecipe(assessment: Assessment): void {
  const { decision_type: type, tier } = assessment.population;
  const text = `${JSON.stringify({ recipe: RECIPE, assessment }, null, 2)}\n`;
  save(`${type}-${tier}-recompute.json`, new Blob([text], { type: "application/json" }));
}
