import { Modal, TextInput, useMantineColorScheme } from "@mantine/core";
import { type KeyboardEvent, useEffect, useEffectEvent, useRef, useState } from "react";
import { useLocation } from "wouter";

import { explain } from "../api/problem";
import type { Me } from "../api/schema";
import { pagesFor } from "../app/pages";
import { keyName } from "../keys/Keycap";
import { useBindings, useDialogKeys } from "../keys/KeyProvider";
import { decides, reads } from "../session/roles";
import { useSignOut } from "../session/useSession";
import { useTenants } from "../tenants/useTenants";
import { withChosen } from "../triage/queue/chosenQueue";
import { howMany } from "../triage/queue/depth";
import { addressOfQueue, useQueues, useWantedQueue } from "../triage/queue/useQueues";
import { type Entry, matching } from "./match";
import keycap from "../keys/Keycap.module.css";
import styles from "./Palette.module.css";
import { useFoundCases } from "./useFoundCases";

interface PaletteProps {
  readonly me: Me;
  readonly opened: boolean;
  readonly onToggle: () => void;
}

/** Everything that can be done here and now, by name: Ctrl K or Cmd K, also while single keys are switched off. */
export function Palette({ me, opened, onToggle }: PaletteProps) {
  const toggle = useEffectEvent(onToggle);
  useEffect(() => {
    const listen = (event: KeyboardEvent | globalThis.KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || event.altKey || event.shiftKey) return;
      if (event.ctrlKey === event.metaKey) return;
      event.preventDefault();
      toggle();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
  useDialogKeys(opened);
  return (
    <Modal
      opened={opened}
      onClose={onToggle}
      title="Search and act"
      withCloseButton={false}
      padding={0}
      classNames={{ header: "visually-hidden" }}
      centered={false}
      yOffset="12vh"
    >
      <Finder me={me} onDone={onToggle} />
    </Modal>
  );
}

function Finder({ me, onDone }: { me: Me; onDone: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const { found, trouble } = useEntries(me, text.trim());
  const list = useRef<HTMLUListElement>(null);
  const chosen = found[Math.min(at, found.length - 1)];

  useEffect(() => {
    list.current?.querySelector("[aria-selected='true']")?.scrollIntoView({ block: "nearest" });
  }, [chosen?.id]);

  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    if (entry.stays) return entry.run();
    onDone();
    // After the dialog has given the focus back, so that what runs may move it.
    setTimeout(entry.run);
  };
  const steer = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && found.length > 0) {
      event.preventDefault();
      setAt((Math.min(at, found.length - 1) + step + found.length) % found.length);
    }
    if (event.key === "Enter") {
      event.preventDefault();
      run(chosen);
    }
  };

  return (
    <div className={styles.finder}>
      <TextInput
        data-autofocus
        variant="unstyled"
        role="combobox"
        aria-label="Search and act"
        aria-expanded="true"
        aria-controls="palette"
        aria-activedescendant={chosen ? `palette-${chosen.id}` : undefined}
        aria-autocomplete="list"
        placeholder={"A case, a subject, a page, something to do\u2026"}
        className={styles.field ?? ""}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={steer}
      />
      <ul id="palette" role="listbox" aria-label="Found" className={styles.list} ref={list}>
        {found.map((entry) => (
          <li
            key={entry.id}
            id={`palette-${entry.id}`}
            role="option"
            aria-selected={entry === chosen}
            onClick={() => run(entry)}
            onPointerMove={() => setAt(found.indexOf(entry))}
          >
            <span>{entry.label}</span>
            <small>{entry.group}</small>
            {entry.key && (
              <kbd className={keycap.cap} aria-hidden="true">
                {keyName(entry.key)}
              </kbd>
            )}
          </li>
        ))}
      </ul>
      {found.length === 0 && <p className={styles.none}>Nothing here is called that.</p>}
      {trouble && (
        <p role="alert" className={styles.none}>
          {trouble}
        </p>
      )}
    </div>
  );
}

interface Entries {
  readonly found: readonly Entry[];
  /** What is missing among them, and why; empty when nothing is. */
  readonly trouble: string;
}

function useEntries(me: Me, text: string): Entries {
  const bindings = useBindings();
  const { setColorScheme } = useMantineColorScheme();
  const [, go] = useLocation();
  const signOut = useSignOut();
  const actions = new Map(
    bindings
      .filter(({ layer }) => layer === "page")
      .map(({ label, group, key, run }) => [label, { id: `do-${key}`, label, group, key, run }] as const),
  );
  const queues = useQueueEntries(me);
  const cases = useCaseEntries(reads(me) ? text : "");
  const entries: readonly Entry[] = [
    ...actions.values(),
    ...queues,
    ...pagesFor(me).map(({ href, label }) => ({ id: `to-${label}`, label, group: "Page", run: () => go(href) })),
    ...(["light", "dark", "auto"] as const).map((scheme) => ({
      id: `look-${scheme}`,
      label: scheme === "auto" ? "as the system" : scheme,
      group: "Appearance",
      run: () => setColorScheme(scheme),
    })),
    { id: "sign-out", label: "Sign out", group: "Session", run: () => signOut.mutate() },
  ];
  const search: Entry = {
    id: "find",
    label: `Find \u201c${text}\u201d among the cases`,
    group: "Search",
    run: () => go(`/cases?q=${encodeURIComponent(text)}`),
  };
  const found = matching(entries, text);
  // Cases come last: they arrive later, and what Enter would do must not change under the hand.
  return text && reads(me)
    ? { found: [...found, search, ...cases.found], trouble: cases.trouble }
    : { found, trouble: "" };
}

/** The queues to work in. */
function useQueueEntries(me: Me): readonly Entry[] {
  const queues = useQueues(decides(me));
  const { wanted, keep } = useWantedQueue(me.username);
  const [, go] = useLocation();
  return withChosen(wanted, queues.data ?? []).map(({ queue, label, ...waiting }) => ({
    id: `work-${queue}`,
    label: `Work on ${label}`,
    group: `Queue, ${howMany(waiting)} for you`,
    run: () => {
      keep(queue);
      go(addressOfQueue(queue));
    },
  }));
}

/** The cases that a text leads to, each to its page; what could not be looked for can be once more. */
function useCaseEntries(text: string): Entries {
  const [, go] = useLocation();
  const tenanted = useTenants().length > 0;
  const { rows, error, again } = useFoundCases(text);
  const found: Entry[] = rows.map((row, index) => ({
    id: `case-${index}`,
    label: row.title,
    group: [row.case_id, tenanted && row.tenant, row.state_label, row.decided_by === "automation" && "by automation"]
      .filter(Boolean)
      .join(", "),
    run: () => go(`/cases/${encodeURIComponent(row.tenant)}/${encodeURIComponent(row.case_id)}`),
  }));
  if (!again) return { found, trouble: "" };
  const once = { id: "again", label: "Look for the cases once more", group: "Search", stays: true, run: again };
  return { found: [...found, once], trouble: `Not all cases could be looked for. ${error ? explain(error) : ""}` };
}
