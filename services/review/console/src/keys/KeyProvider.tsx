import { useLocalStorage } from "@mantine/hooks";
import {
  createContext,
  type ReactNode,
  use,
  useEffect,
  useEffectEvent,
  useLayoutEffect,
  useMemo,
  useState,
  useSyncExternalStore,
} from "react";

import { readPress } from "./press";
import { type Binding, KeyRegistry, type Layer } from "./registry";

interface Keys {
  readonly registry: KeyRegistry;
  /** Single-key commands can be switched off for people whose voice or grip would trigger them. */
  readonly on: boolean;
  readonly switchOn: (on: boolean) => void;
}

const KeysContext = createContext<Keys | null>(null);

export function KeyProvider({ children }: { children: ReactNode }) {
  const [registry] = useState(() => new KeyRegistry());
  const [on, switchOn] = useLocalStorage({
    key: "countersign.keys",
    defaultValue: true,
    getInitialValueInEffect: false,
  });

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

  const value = useMemo(() => ({ registry, on, switchOn }), [registry, on, switchOn]);
  return <KeysContext value={value}>{children}</KeysContext>;
}

export function useKeys(): Keys {
  const keys = use(KeysContext);
  if (!keys) throw new Error("useKeys needs a KeyProvider above it");
  return keys;
}

export interface KeyOptions {
  /** What the key does; null or an empty key registers nothing. */
  readonly key: string | null;
  readonly label: string;
  readonly group: string;
  readonly layer?: Layer;
  readonly repeats?: boolean;
  readonly when?: boolean;
  readonly run: () => void;
}

/** Binds a key for as long as the component is mounted and `when` holds. */
export function useKey({ key, label, group, layer = "page", repeats = false, when = true, run }: KeyOptions): void {
  const { registry } = useKeys();
  const latest = useEffectEvent(run);
  // Before the paint: what is on the screen works.
  useLayoutEffect(() => {
    if (!key || !when) return undefined;
    return registry.add({ key, label, group, layer, repeats, run: () => latest() });
  }, [registry, key, label, group, layer, repeats, when]);
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
