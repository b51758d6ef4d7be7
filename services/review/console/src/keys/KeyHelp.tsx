import { Modal, Switch } from "@mantine/core";

import styles from "./KeyHelp.module.css";
import { useBindings, useDialogKeys, useKey, useKeys } from "./KeyProvider";
import type { Binding } from "./registry";

interface KeyHelpProps {
  readonly opened: boolean;
  readonly onToggle: () => void;
}

/** Every key that works right now, read from the registry itself. */
export function KeyHelp({ opened, onToggle }: KeyHelpProps) {
  const { on, switchOn } = useKeys();
  const bindings = useBindings();
  useKey({ key: "?", label: "show the keys", group: "Everywhere", run: onToggle });
  useKey({ key: "?", label: "hide the keys", group: "Everywhere", layer: "dialog", when: opened, run: onToggle });
  useDialogKeys(opened);
  return (
    <Modal opened={opened} onClose={onToggle} title="Keys" size="lg" closeButtonProps={{ "aria-label": "Close" }}>
      <Switch
        checked={on}
        onChange={(event) => switchOn(event.currentTarget.checked)}
        label="Single keys do things"
        description="Off: only Tab, Enter and Space, as on any page."
      />
      <div className={styles.groups}>
        {grouped(bindings.filter(({ layer }) => layer === "page")).map(([group, rows]) => (
          <section key={group}>
            <h3 className={styles.group}>{group}</h3>
            <dl className={styles.keys}>
              {rows.map(([label, keys]) => (
                <div key={label}>
                  <dt>{label}</dt>
                  <dd>
                    {keys.map((key) => (
                      <kbd key={key}>{key.length === 1 ? key.toUpperCase() : key}</kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <p className={styles.note}>
        Never with Ctrl, Alt or Cmd, and never while you type. While a decision is being completed, digits tick reasons,
        Enter records and Esc steps back.
      </p>
    </Modal>
  );
}

/** Bindings by group, keys that do the same on one line. */
function grouped(bindings: readonly Binding[]): [string, [string, string[]][]][] {
  const groups = new Map<string, Map<string, string[]>>();
  for (const { group, label, key } of bindings) {
    const rows = groups.get(group) ?? new Map<string, string[]>();
    rows.set(label, [...(rows.get(label) ?? []), key]);
    groups.set(group, rows);
  }
  return [...groups].map(([group, rows]) => [group, [...rows]]);
}
