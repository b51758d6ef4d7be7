import type { CommandName } from "./commands";
import styles from "./Keycap.module.css";
import { useKeys } from "./KeyProvider";
import { keyOf } from "./keymap";

const NAMES: Readonly<Record<string, string>> = { Enter: "\u21b5", Escape: "Esc" };

export function keyName(key: string): string {
  return NAMES[key] ?? key.toUpperCase();
}

interface KeycapProps {
  readonly of: string | null;
  /** It works with a modifier, whether single keys are on or not. */
  readonly modified?: boolean;
}

/** A key, printed on its button. Nothing when single keys are switched off. For the eye only: buttons carry aria-keyshortcuts. */
export function Keycap({ of, modified = false }: KeycapProps) {
  const { on } = useKeys();
  if (!of || !(on || modified)) return null;
  return (
    <kbd className={`${styles.cap} ${styles.hint}`} aria-hidden="true">
      {keyName(of)}
    </kbd>
  );
}

/** The key a command has for this person. */
export function CommandKey({ of }: { of: CommandName }) {
  const { keymap } = useKeys();
  return <Keycap of={keyOf(keymap, of)} />;
}
