import type { LogEntry } from "../api/audit";

export interface ReadEntry {
  readonly index: number;
  readonly leaf: string;
  readonly leafHash: string;
  readonly kind: string;
  readonly occurredAt: string | null;
  readonly actor: string;
  readonly tenant: string;
  /** All that the entry shows, to be read. */
  readonly lines: string;
}

function textAt(body: unknown, ...path: readonly string[]): string {
  let found = body;
  for (const name of path) {
    found = typeof found === "object" && found !== null ? (found as Record<string, unknown>)[name] : undefined;
  }
  return typeof found === "string" ? found : "";
}

/** Reads what a leaf shows. One that is not JSON (an unreadable record) is shown as it is. */
export function readEntry({ index, leaf, leaf_hash: leafHash }: LogEntry): ReadEntry {
  const body = parse(leaf);
  return {
    index,
    leaf,
    leafHash,
    kind: textAt(body, "kind") || textAt(body, "topic") || "entry",
    occurredAt: textAt(body, "occurred_at") || null,
    actor: textAt(body, "actor", "id"),
    tenant: textAt(body, "tenant"),
    lines: body === null ? leaf : JSON.stringify(body, null, 2),
  };
}

function parse(leaf: string): unknown {
  try {
    return JSON.parse(leaf);
  } catch {
    return null;
  }
}
