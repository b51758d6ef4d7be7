import { useKeys } from "./KeyProvider";
import styles from "./Keycap.module.css";

const NAMES: Record<string, string> = { Enter: "↵", Escape: "Esc" };

/** The key, printed on its button. Nothing when single keys are switched off. For the eye only: buttons carry aria-keyshortcuts. */
export function Keycap({ of }: { of: string | null }) {
  const { on } = useKeys();
  if (!of || !on) return null;
  return (
    <kbd className={styles.cap} aria-hidden="true">
      {NAMES[of] ?? of.toUpperCase()}
    </kbd>
  );
}
