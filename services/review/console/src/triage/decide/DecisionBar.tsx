import { Button, Menu } from "@mantine/core";

import { type MouseEvent, type ReactNode, useState } from "react";

import type { ContextPackage, OutcomeChoice } from "../../api/schema";
import type { CommandName } from "../../keys/commands";
import { CommandKey, Keycap } from "../../keys/Keycap";
import { takenKeys } from "../../keys/keymap";
import { useCommand, useKey, useKeys } from "../../keys/KeyProvider";
import { type Aside, ASIDES } from "../aside/aside";
import { assignOutcomeKeys, type OutcomeKeys } from "../../keys/outcomeKeys";
import styles from "./DecisionBar.module.css";
import { departs } from "./draft";
import type { Decision } from "./useDecision";

interface DecisionBarProps {
  readonly context: ContextPackage;
  readonly decision: Decision;
  readonly onAside: (aside: Aside) => void;
  readonly onSkip: () => void;
  readonly onPutBack: () => void;
}

/** Every outcome as a button of the same weight, and what else can be done with the case now. */
export function DecisionBar({ context, decision, onAside, onSkip, onPutBack }: DecisionBarProps) {
  const { outcomes } = context.actions;
  const { keymap } = useKeys();
  const keys = assignOutcomeKeys(outcomes, takenKeys(keymap));
  // A click that does not count leaves the focus with the question.
  const stay = (event: MouseEvent) => !decision.settled && event.preventDefault();
  return (
    <>
      <div
        className={styles.outcomes}
        role="group"
        aria-label="Decide"
        data-settled={decision.settled}
        onMouseDown={stay}
      >
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
        {ASIDES.filter(({ command }) => command).map((aside) => (
          <OtherButton
            key={aside.action}
            context={context}
            action={aside.action}
            label={aside.label}
            command={aside.command}
            onRun={() => onAside(aside)}
          />
        ))}
        <OtherButton context={context} action="skip" label="Skip" command="skip" onRun={onSkip} />
        <More context={context} onAside={onAside} onPutBack={onPutBack} />
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
  readonly command: CommandName | null;
  readonly onRun: () => void;
}

function OtherButton({ context, action, label, command, onRun }: OtherButtonProps) {
  const offered = context.actions.other.find((other) => other.action === action);
  if (!offered) return null;
  const button = (key: string | undefined) => (
    <Button
      variant="default"
      disabled={!offered.available}
      title={offered.why ?? undefined}
      aria-keyshortcuts={key}
      data-action={action}
      rightSection={command && <CommandKey of={command} />}
      onClick={onRun}
    >
      {label}
    </Button>
  );
  if (!command || !offered.available) return button(undefined);
  return <WithKey command={command} onRun={onRun} render={button} />;
}

interface WithKeyProps {
  readonly command: CommandName;
  readonly onRun: () => void;
  readonly render: (key: string) => ReactNode;
}

function WithKey({ command, onRun, render }: WithKeyProps) {
  return render(useCommand(command, { run: onRun }));
}

/** What is done seldom has no key and stands behind one button; what cannot be done says why. */
function More({ context, onAside, onPutBack }: Pick<DecisionBarProps, "context" | "onAside" | "onPutBack">) {
  const seldom = [
    ...ASIDES.filter(({ command }) => !command).map((aside) => ({ ...aside, run: () => onAside(aside) })),
    { action: "release", title: "Put it back into the queue", run: onPutBack, command: "back" as const },
  ].flatMap(({ action, title, run, command }) => {
    const offered = context.actions.other.find((other) => other.action === action);
    return offered ? [{ ...offered, title, run, command }] : [];
  });
  // What was chosen takes the focus; only a menu that was closed without a choice gives it back to its button.
  const [back, comeBack] = useState(true);
  const [opened, setOpened] = useState(false);
  const key = useCommand("more", { run: () => setOpened(true) });
  const putBack = context.actions.other.some(({ action, available }) => action === "release" && available);
  useCommand("back", { when: putBack, run: onPutBack });
  const begin = (run: () => void) => {
    comeBack(false);
    run();
  };
  return (
    <Menu
      position="top-end"
      width={300}
      opened={opened}
      onChange={setOpened}
      returnFocus={back}
      onOpen={() => comeBack(true)}
    >
      <Menu.Target>
        <Button variant="default" aria-keyshortcuts={key} rightSection={<CommandKey of="more" />}>
          More<span className="visually-hidden"> to do with this case</span>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {seldom.map(({ action, title, available, why, run, command }) => (
          <Menu.Item
            key={action}
            disabled={!available}
            onClick={() => begin(run)}
            rightSection={command && available && <CommandKey of={command} />}
          >
            {title}
            {why && <small className={styles.why}>{why}</small>}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
