import { useMutation, useQuery } from "@tanstack/react-query";

import type { LogEntry } from "../api/audit";
import { answerOf, api } from "../api/client";
import { KINDS, keysNamed, recoveriesNamed, type Recovery, recoveryOf } from "./keys";
import { readEntry } from "./leaf";
import { isIncluded, leafHash, onlyGrew } from "./merkle";
import { type Checkpoint, isSignedBy, readCheckpoint, readKey } from "./note";

const REMEMBERED = "countersign.checkpoint";
const PAGE = 50;
const MOST = 200;

async function newestCheckpoint(): Promise<Checkpoint> {
  const note = await answerOf(api.GET("/api/audit/v1/checkpoint", { parseAs: "text" }));
  return readCheckpoint(String(note));
}

export interface Verified {
  readonly checkpoint: Checkpoint;
  /** Null when it could not be checked: no key is known, or this browser cannot check Ed25519 signatures. */
  readonly signed: boolean | null;
  /** Whose key it was checked with: the one given, or the one an entry of the log names; null for none. */
  readonly signer: "given" | number | null;
  /** Whether the log only grew since the older checkpoint; null when there is none to compare with. */
  readonly grew: boolean | null;
  readonly since: Checkpoint | null;
  /** The recorded recovery in which what the older checkpoint covers was lost; the log did not grow from there. */
  readonly recovered: Recovery | null;
}

/** The checkpoint this browser saw when it last looked; kept, because only an older one shows a rewritten log. */
function remembered(origin: string): Checkpoint | null {
  const note = localStorage.getItem(REMEMBERED);
  try {
    const checkpoint = note ? readCheckpoint(note) : null;
    return checkpoint?.origin === origin ? checkpoint : null;
  } catch {
    return null;
  }
}

/** What the log says about itself: its names and keys, and what was lost of it. */
async function ownEntries(): Promise<readonly LogEntry[]> {
  const pages = await Promise.all(
    KINDS.map((kind) => answerOf(api.GET("/api/audit/v1/entries", { params: { query: { kind, limit: MOST } } }))),
  );
  return pages.flatMap((page) => page.items);
}

/** A checkpoint that somebody kept. One that no key of the log has signed says nothing about the log. */
async function kept(note: string, keys: readonly string[]): Promise<Checkpoint> {
  const checkpoint = readCheckpoint(`${note.trim()}\n`);
  const signed = await Promise.all(keys.map(async (key) => isSignedBy(checkpoint, await readKey(key))));
  if (signed.length > 0 && signed.every((one) => one === false)) {
    throw new Error("The older checkpoint is not signed by a key of this log: it was damaged, or is another log's.");
  }
  return checkpoint;
}

async function growth(since: Checkpoint, checkpoint: Checkpoint): Promise<boolean> {
  if (since.size > checkpoint.size) return false;
  const { proof } = await answerOf(
    api.GET("/api/audit/v1/proof/consistency", {
      params: { query: { first: since.size, second: checkpoint.size } },
    }),
  );
  return onlyGrew({
    first: since.size,
    firstRoot: since.root,
    second: checkpoint.size,
    secondRoot: checkpoint.root,
    proof,
  });
}

/** Checks the newest checkpoint here in the browser. Against an older note, or against the one seen last. */
export function useVerification() {
  return useMutation({
    mutationFn: async ({ older, key }: { readonly older: string; readonly key: string }): Promise<Verified> => {
      const given = key.trim();
      if (given) await readKey(given);
      const checkpoint = await newestCheckpoint();
      const own = given && !older.trim() ? [] : await ownEntries();
      const named = keysNamed(own);
      const current = given || named.at(-1)?.key;
      const all = [...(given ? [given] : []), ...named.map((one) => one.key)];
      const since = older.trim() ? await kept(older, all) : remembered(checkpoint.origin);
      const signed = current ? await isSignedBy(checkpoint, await readKey(current)) : null;
      const grew = since && (await growth(since, checkpoint));
      if (signed !== false && grew !== false) localStorage.setItem(REMEMBERED, checkpoint.note);
      const signer = given ? "given" : (named.at(-1)?.index ?? null);
      const recovered = since && grew === false ? recoveryOf(since, recoveriesNamed(own)) : null;
      return { checkpoint, signed, signer, grew, since, recovered };
    },
  });
}

export interface Sought {
  readonly tenant: string;
  readonly caseId: string;
  readonly subject: string;
  readonly actor: string;
  readonly kind: string;
  readonly since: string;
  readonly until: string;
  readonly purpose: string;
}

/**
 * Every reading goes on the record, so nothing is read before somebody asks, and nothing is polled. Asking again
 * (`turn`) reads again, for the log has grown; turning back a page does not.
 */
export function useEntries(sought: Sought | null, cursor: string | null, turn: number) {
  return useQuery({
    queryKey: ["audit", "entries", turn, sought, cursor],
    queryFn: async () => {
      const page = await answerOf(
        api.GET("/api/audit/v1/entries", { params: { query: { ...queryOf(sought!), cursor, limit: PAGE } } }),
      );
      return { next: page.next_cursor, items: page.items.map((entry: LogEntry) => readEntry(entry)) };
    },
    enabled: sought !== null,
    placeholderData: (before) => before,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

const said = (text: string) => text.trim() || null;

function timesOf({ since, until }: { readonly since: string; readonly until: string }) {
  return {
    since: since ? new Date(since).toISOString() : null,
    until: until ? new Date(until).toISOString() : null,
  };
}

function queryOf(sought: Sought) {
  const { tenant, caseId, subject, actor, kind, purpose } = sought;
  return {
    case_id: said(caseId),
    subject_ref: said(subject),
    actor: said(actor),
    kind: said(kind),
    ...timesOf(sought),
    purpose: said(purpose),
    // A case's id is only one within its tenant.
    tenant: said(tenant) ?? (said(caseId) || said(subject) ? "default" : null),
  };
}

/** Proves one entry: its hash from its bytes, its place from the hashes, the root from the signed checkpoint. */
export function useEntryProof() {
  return useMutation({
    mutationFn: async ({ index, leaf }: { readonly index: number; readonly leaf: string }) => {
      const found = await answerOf(api.GET("/api/audit/v1/proof/inclusion", { params: { query: { index } } }));
      if (!found.checkpoint) return { included: false, size: found.size };
      const { root, size } = readCheckpoint(found.checkpoint);
      const included = await isIncluded({ index, size, leafHash: await leafHash(leaf), proof: found.proof, root });
      return { included, size };
    },
  });
}

export interface SoughtLooks {
  readonly caseId: string;
  readonly reader: string;
  readonly since: string;
  readonly until: string;
  readonly tenant: string;
}

/** Who looked, in the order of the log; looking there is on the record too. */
export function useAccessLog(sought: SoughtLooks | null, cursor: string | null, turn: number) {
  return useQuery({
    queryKey: ["audit", "access", turn, sought, cursor],
    queryFn: () => {
      const { caseId, reader, tenant } = sought!;
      const query = { case_id: said(caseId), reader: said(reader), tenant: said(tenant), ...timesOf(sought!) };
      return answerOf(api.GET("/api/audit/v1/access-log", { params: { query: { ...query, cursor, limit: PAGE } } }));
    },
    enabled: sought !== null,
    placeholderData: (before) => before,
    staleTime: Number.POSITIVE_INFINITY,
  });
}
