import type { LogEntry } from "../api/audit";

/** What the log says about its own name and key: its first entry, and each that names another key. */
export const KINDS = ["log.genesis", "log.key_rotated", "log.recovered"] as const;

export interface NamedKey {
  /** The entry that names it. */
  readonly index: number;
  /** Written `name+id+base64`. */
  readonly key: string;
}

/**
 * The keys a log had in turn, out of its own entries; the last is in force. Whatever came from outside has a topic, and
 * names nothing here whatever it calls itself. Empty for those who may not see the log's own entries.
 */
export function keysNamed(entries: readonly LogEntry[]): readonly NamedKey[] {
  return entries
    .flatMap(({ index, leaf }) => {
      const said = JSON.parse(leaf) as { kind?: string; topic?: string; verifier_key?: string };
      const own = said.topic === undefined && KINDS.some((kind) => kind === said.kind);
      return own && said.verifier_key ? [{ index, key: said.verifier_key }] : [];
    })
    .sort((one, other) => one.index - other.index);
}
