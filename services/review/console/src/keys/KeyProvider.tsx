import { useLocalStorage } from "@mantine/hooks";
import {
  createContext,
  type ReactNode,
  use,
  useCallback,
  useEffect,
  useEffectEvent,
  useLayoutEffect,
  useMemo,
  useState,
  useSyncExternalStore,
} from "react";

import { type CommandName, COMMANDS } from "./commands";
import { type Keymap, keyOf, readKeymap, remap } from "./keymap";
import { readPress } from "./press";
import { type Binding, KeyRegistry, type Layer } from "./registry";

interface Keys {
  readonly registry: KeyRegistry;
  /** Single-key commands can be switched off for people whose voice or grip would trigger them. */
  readonly on: boolean;
  readonly switchOn: (on: boolean) => void;
  readonly keymap: Keymap;
  /** Gives a command another key; what comes back says why it could not. */
  readonly give: (name: CommandName, key: string) => string | null;
  readonly reset: () => void;
}

const KeysContext = createContext<Keys | null>(null);

/** Keys as `person` wants them on this browser. */
export function KeyProvider({ person, children }: { person: string; children: ReactNode }) {
  const [registry] = useState(() => new KeyRegistry());
  const [on, switchOn] = useLocalStorage({
    key: `countersign.keys.${person}`,
    defaultValue: true,
    getInitialValueInEffect: false,
  });
  const [stored, store] = useLocalStorage<unknown>({
    key: `countersign.keymap.${person}`,
    defaultValue: {},
    getInitialValueInEffect: false,
  });
  const keymap = useMemo(() => readKeymap(stored), [stored]);

  useEffect(() => {
    if (!on) return undefined;
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented) return;
      const binding = registry.resolve(readPress(event));
      if (!binding) return;
      event.preventDefault();
      binding.run();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [registry, on]);

  const give = useCallback(
    (name: CommandName, key: string) => {
      const next = remap(keymap, name, key);
      if ("refused" in next) return next.refused;
      store(next.keymap);
      return null;
    },
    [keymap, store],
  );
  const reset = useCallback(() => store({}), [store]);

  const value = useMemo(
    () => ({ registry, on, switchOn, keymap, give, reset }),
    [registry, on, switchOn, keymap, give, reset],
  );
  return <KeysContext value={value}>{children}</KeysContext>;
}

export function useKeys(): Keys {
  const keys = use(KeysContext);
  if (!keys) throw new Error("useKeys needs a KeyProvider above it");
  return keys;
}

export interface KeyOptions {
  /** The key; null or an empty one registers nothing. */
  readonly key: string | null;
  readonly label: string;
  readonly group: string;
  readonly layer?: Layer;
  readonly repeats?: boolean;
  readonly when?: boolean;
  readonly run: () => void;
}

/** Binds a key for as long as the component is mounted and `when` holds. For what belongs to a case; see useCommand. */
export function useKey({ key, label, group, layer = "page", repeats = false, when = true, run }: KeyOptions): void {
  const { registry } = useKeys();
  const latest = useEffectEvent(run);
  // Before the paint: what is on the screen works.
  useLayoutEffect(() => {
    if (!key || !when) return undefined;
    return registry.add({ key, label, group, layer, repeats, run: () => latest() });
  }, [registry, key, label, group, layer, repeats, when]);
}

interface CommandOptions {
  readonly when?: boolean;
  /** Says it more exactly than the command itself. */
  readonly label?: string;
  readonly run: () => void;
}

/** Binds a command to the key this person has given it; returns the key, for aria-keyshortcuts. */
export function useCommand(name: CommandName, { when = true, label, run }: CommandOptions): string {
  const { keymap } = useKeys();
  const key = keyOf(keymap, name);
  const command = COMMANDS[name];
  useKey({ ...command, key, label: label ?? command.label, when, run });
  return key;
}

/** Every binding in force, for the help. */
export function useBindings(): readonly Binding[] {
  const { registry } = useKeys();
  return useSyncExternalStore(registry.subscribe, registry.list);
}

/** While open, keys of the page and of the panel do nothing. */
export function useDialogKeys(open: boolean): void {
  const { registry } = useKeys();
  useEffect(() => (open ? registry.openDialog() : undefined), [registry, open]);
}
