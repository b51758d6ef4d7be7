import { Button, Modal, Switch } from "@mantine/core";
import { type KeyboardEvent, useState } from "react";

import { COMMAND_NAMES, type CommandName, COMMANDS } from "./commands";
import { keyName } from "./Keycap";
import keycap from "./Keycap.module.css";
import styles from "./KeyHelp.module.css";
import { keyOf } from "./keymap";
import { useBindings, useCommand, useDialogKeys, useKey, useKeys } from "./KeyProvider";

interface KeyHelpProps {
  readonly opened: boolean;
  readonly onToggle: () => void;
}

/** Every key, where it can be given to something else, and the switch that turns single keys off. */
export function KeyHelp({ opened, onToggle }: KeyHelpProps) {
  const { on, switchOn, keymap, reset } = useKeys();
  const key = useCommand("help", { run: onToggle });
  useKey({ key, label: "hide the keys", group: "Everywhere", layer: "dialog", when: opened, run: onToggle });
  useDialogKeys(opened);
  return (
    <Modal opened={opened} onClose={onToggle} title="Keys" size="lg" closeButtonProps={{ "aria-label": "Close" }}>
      <Switch
        checked={on}
        onChange={(event) => switchOn(event.currentTarget.checked)}
        label="Single keys do things"
        description="Off: only Tab, Enter and Space, as on any page."
      />
      <Commands />
      <p className={styles.note}>
        Never with Ctrl, Alt or Cmd, and never while you type. To give a command another key, choose its key here and
        press the new one. Ctrl K (Cmd K) opens the palette, where everything can be found by name.
      </p>
      {Object.keys(keymap).length > 0 && (
        <Button size="compact-sm" variant="default" onClick={reset}>
          All keys as they came
        </Button>
      )}
    </Modal>
  );
}

function Commands() {
  const { keymap, give } = useKeys();
  const [asking, ask] = useState<CommandName | null>(null);
  const [refusal, refuse] = useState<string | null>(null);
  const groups = Map.groupBy(COMMAND_NAMES, (name) => COMMANDS[name].group);

  const take = (event: KeyboardEvent) => {
    // Tab leaves, Escape ends the asking; every other key is the answer.
    if (!asking || event.key === "Tab" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Shift") return;
    event.preventDefault();
    event.stopPropagation();
    const refused = event.key === "Escape" ? null : give(asking, event.key);
    refuse(refused);
    if (!refused) ask(null);
  };

  return (
    <div className={styles.groups} onKeyDownCapture={take}>
      <p role="alert" className={styles.refusal}>
        {refusal}
      </p>
      {[...groups].map(([group, names]) => (
        <section key={group} aria-label={group}>
          <h3 className={styles.group}>{group}</h3>
          <dl className={styles.keys}>
            {names.map((name) => (
              <div key={name}>
                <dt>{COMMANDS[name].label}</dt>
                <dd>
                  {COMMANDS[name].fixed ? (
                    <kbd className={keycap.cap}>{keyName(COMMANDS[name].key)}</kbd>
                  ) : (
                    <button
                      type="button"
                      className={keycap.cap}
                      aria-label={`${keyName(keyOf(keymap, name))}: another key for ${COMMANDS[name].label}`}
                      data-asking={asking === name}
                      onClick={() => {
                        refuse(null);
                        ask(asking === name ? null : name);
                      }}
                      onBlur={() => ask(null)}
                    >
                      {asking === name ? "press a key" : keyName(keyOf(keymap, name))}
                    </button>
                  )}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
      <Outcomes />
    </div>
  );
}

/** The keys of the open case's outcomes come from its decision type. */
function Outcomes() {
  const bindings = useBindings().filter(({ group }) => group === "Outcomes");
  const byLabel = Map.groupBy(bindings, ({ label }) => label);
  return (
    <section aria-label="This case">
      <h3 className={styles.group}>This case</h3>
      {byLabel.size === 0 && <p className={styles.note}>With a case open, 1 to 9 and the letters on the buttons.</p>}
      <dl className={styles.keys}>
        {[...byLabel].map(([label, keys]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              {keys.map(({ key }) => (
                <kbd key={key} className={keycap.cap}>
                  {keyName(key)}
                </kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
