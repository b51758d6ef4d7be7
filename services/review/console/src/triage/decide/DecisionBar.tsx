import { Button } from "@mantine/core";

import type { ContextPackage, OutcomeChoice } from "../../api/schema";
import type { CommandName } from "../../keys/commands";
import { CommandKey, Keycap } from "../../keys/Keycap";
import { takenKeys } from "../../keys/keymap";
import { useCommand, useKey, useKeys } from "../../keys/KeyProvider";
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
  const { keymap } = useKeys();
  const keys = assignOutcomeKeys(outcomes, takenKeys(keymap));
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
        <OtherButton context={context} action="skip" label="Skip" command="skip" onRun={onSkip} />
        <PutBack context={context} onRun={onPutBack} />
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
  useKey({ key: keys?.digit ?? null, label, group: "Outcomes", run: onChoose });
  useKey({ key: keys?.letter ?? null, label, group: "Outcomes", run: onChoose });
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
  const key = useCommand("edit", { when: target !== undefined, run: edit });
  if (target === undefined) return null;
  return (
    <Button variant="default" aria-keyshortcuts={key} rightSection={<CommandKey of="edit" />} onClick={edit}>
      Edit terms
    </Button>
  );
}

interface OtherButtonProps {
  readonly context: ContextPackage;
  readonly action: string;
  readonly label: string;
  readonly command: CommandName;
  readonly onRun: () => void;
}

function OtherButton({ context, action, label, command, onRun }: OtherButtonProps) {
  const offered = context.actions.other.find((other) => other.action === action);
  const available = offered?.available ?? false;
  const key = useCommand(command, { when: available, run: onRun });
  if (!offered) return null;
  return (
    <Button
      variant="default"
      disabled={!available}
      title={offered.why ?? undefined}
      aria-keyshortcuts={key}
      data-action={action}
      rightSection={<CommandKey of={command} />}
      onClick={onRun}
    >
      {label}
    </Button>
  );
}

/** Has no key: giving a case up is rare, and a phone shows it at the top instead. */
function PutBack({ context, onRun }: { context: ContextPackage; onRun: () => void }) {
  const offered = context.actions.other.find(({ action }) => action === "release");
  if (!offered) return null;
  return (
    <Button
      variant="default"
      disabled={!offered.available}
      title={offered.why ?? undefined}
      data-action="release"
      onClick={onRun}
    >
      Put back
    </Button>
  );
}
