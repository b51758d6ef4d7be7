import type { LogEntry } from "../api/audit";
import type { Checkpoint } from "./note";

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

/** Entries that the log itself says were lost, because an older database was restored. */
export interface Recovery {
  /** The entry that says so. It has the place of the first one lost. */
  readonly index: number;
  readonly lastLost: number;
  /** The largest checkpoint that was known to have covered them. */
  readonly lostRoot: string;
  /** The name of the log from there on, and before. */
  readonly origin: string;
  readonly before: string;
}

interface SaidRecovery {
  readonly kind?: string;
  readonly topic?: string;
  readonly verifier_key?: string;
  readonly previous_verifier_key?: string;
  readonly lost?: { readonly last_index?: number; readonly anchored_root?: string };
}

/** The recoveries that a log's own entries record, the latest last. */
export function recoveriesNamed(entries: readonly LogEntry[]): readonly Recovery[] {
  return entries
    .flatMap(({ index, leaf }) => {
      const said = JSON.parse(leaf) as SaidRecovery;
      if (said.topic !== undefined || said.kind !== "log.recovered") return [];
      const { last_index: lastLost, anchored_root: lostRoot } = said.lost ?? {};
      if (lastLost === undefined || lostRoot === undefined) return [];
      return [
        { index, lastLost, lostRoot, origin: nameOf(said.verifier_key), before: nameOf(said.previous_verifier_key) },
      ];
    })
    .sort((one, other) => one.index - other.index);
}

function nameOf(key: string | undefined): string {
  return key?.split("+")[0] ?? "";
}

/**
 * The recorded recovery that lost what an older checkpoint covers: one under the name before, that reaches into what was
 * lost and not beyond it, and is the very one recorded where it covers all of it. Null for any other: the log was rewritten.
 */
export function recoveryOf(since: Checkpoint, recoveries: readonly Recovery[]): Recovery | null {
  const found = recoveries.find(
    ({ index, lastLost, before }) => since.origin === before && since.size > index && since.size <= lastLost + 1,
  );
  if (!found || (since.size === found.lastLost + 1 && since.root !== found.lostRoot)) return null;
  return found;
}
