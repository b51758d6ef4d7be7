import { Button } from "@mantine/core";

import type { ContextPackage, OutcomeChoice } from "../../api/schema";
import { Keycap } from "../../keys/Keycap";
import { useKey } from "../../keys/KeyProvider";
import { assignOutcomeKeys, type OutcomeKeys } from "../../keys/outcomeKeys";
import styles from "./DecisionBar.module.css";
import { departs } from "./draft";
import type { Decision } from "./useDecision";

interface DecisionBarProps {
  readonly context: ContextPackage;
  readonly decision: Decision;
  readonly onSkip: () => void;
  readonly onPutBack: () => void;
}

/** Every outcome as a button of the same weight, and what else can be done with the case now. */
export function DecisionBar({ context, decision, onSkip, onPutBack }: DecisionBarProps) {
  const { outcomes } = context.actions;
  const keys = assignOutcomeKeys(outcomes);
  return (
    <>
      <div className={styles.outcomes} role="group" aria-label="Decide">
        {outcomes.map((choice, index) => (
          <OutcomeButton
            key={choice.outcome}
            choice={choice}
            keys={keys[index]}
            differs={departs(context, choice.outcome)}
            chosen={decision.intent?.outcome === choice.outcome}
            onChoose={() => decision.choose(choice.outcome)}
          />
        ))}
      </div>
      <div className={styles.others} role="group" aria-label="Other actions">
        <EditTerms context={context} decision={decision} />
        <OtherButton context={context} action="skip" label="Skip" keyName="s" onRun={onSkip} />
        <OtherButton context={context} action="release" label="Put back" keyName={null} onRun={onPutBack} />
      </div>
    </>
  );
}

interface OutcomeButtonProps {
  readonly choice: OutcomeChoice;
  readonly keys: OutcomeKeys | undefined;
  readonly differs: boolean;
  readonly chosen: boolean;
  readonly onChoose: () => void;
}

function OutcomeButton({ choice, keys, differs, chosen, onChoose }: OutcomeButtonProps) {
  const label = `decide: ${choice.label}`;
  useKey({ key: keys?.digit ?? null, label, group: "Decide", run: onChoose });
  useKey({ key: keys?.letter ?? null, label, group: "Decide", run: onChoose });
  return (
    <Button
      variant="default"
      className={styles.outcome ?? ""}
      aria-pressed={chosen}
      aria-keyshortcuts={[keys?.letter, keys?.digit].filter(Boolean).join(" ")}
      leftSection={<span aria-hidden="true">{choice.rejects ? "\u2715" : "\u2713"}</span>}
      rightSection={<Keycap of={keys?.letter ?? keys?.digit ?? null} />}
      onClick={onChoose}
    >
      <span className={styles.label}>
        {choice.label}
        {differs && <span className={styles.differs}>differs from the model</span>}
      </span>
    </Button>
  );
}

function EditTerms({ context, decision }: Pick<DecisionBarProps, "context" | "decision">) {
  const offered = context.actions.outcomes.filter(({ params_schema: schema }) => schema);
  const proposed = offered.find(({ outcome }) => outcome === context.recommendation?.outcome);
  const target = (proposed ?? offered[0])?.outcome;
  const edit = () => target && decision.edit(target);
  useKey({ key: "e", label: "edit the terms", group: "Decide", when: target !== undefined, run: edit });
  if (target === undefined) return null;
  return (
    <Button variant="default" aria-keyshortcuts="e" rightSection={<Keycap of="e" />} onClick={edit}>
      Edit terms
    </Button>
  );
}

interface OtherButtonProps {
  readonly context: ContextPackage;
  readonly action: string;
  readonly label: string;
  readonly keyName: string | null;
  readonly onRun: () => void;
}

function OtherButton({ context, action, label, keyName, onRun }: OtherButtonProps) {
  const offered = context.actions.other.find((other) => other.action === action);
  const available = offered?.available ?? false;
  useKey({ key: keyName, label: label.toLowerCase(), group: "Case", when: available, run: onRun });
  if (!offered) return null;
  return (
    <Button
      variant="default"
      disabled={!available}
      title={offered.why ?? undefined}
      aria-keyshortcuts={keyName ?? undefined}
      data-action={action}
      rightSection={<Keycap of={keyName} />}
      onClick={onRun}
    >
      {label}
    </Button>
  );
}
