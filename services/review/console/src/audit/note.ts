import { toHex } from "./merkle";

/** A signed checkpoint (C2SP tlog-checkpoint in a signed note). */
export interface Checkpoint {
  readonly note: string;
  readonly origin: string;
  readonly size: number;
  /** Hexadecimal. */
  readonly root: string;
  readonly signatures: readonly { readonly name: string; readonly keyId: string; readonly bytes: Uint8Array }[];
}

const KEY_ID_BYTES = 4;
const ED25519 = 1;

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw new Error("This was damaged on its way: a part of it is not base64.");
  }
}

/** Reads a note; throws when it is none. */
export function readCheckpoint(note: string): Checkpoint {
  const [text, signed] = split(note);
  const [origin, size, root] = text.split("\n");
  if (!origin || !root || !/^\d+$/u.test(size ?? "")) throw new Error("This is not a checkpoint of a log.");
  const signatures = signed.flatMap((line) => {
    const [, name, encoded] = /^\u2014 (\S+) (\S+)$/u.exec(line) ?? [];
    if (!name || !encoded) return [];
    const bytes = fromBase64(encoded);
    return [{ name, keyId: toHex(bytes.slice(0, KEY_ID_BYTES)), bytes: bytes.slice(KEY_ID_BYTES) }];
  });
  return { note, origin, size: Number(size), root: toHex(fromBase64(root)), signatures };
}

function split(note: string): [string, string[]] {
  const [text, signed] = note.split("\n\n");
  if (text === undefined || signed === undefined) throw new Error("This is not a signed note.");
  return [text, signed.split("\n")];
}

export interface VerifierKey {
  readonly name: string;
  readonly keyId: string;
  readonly publicKey: Uint8Array<ArrayBuffer>;
}

/** Reads a C2SP verifier key, `name+id+base64`; throws when it is none, or not whole. */
export async function readKey(text: string): Promise<VerifierKey> {
  const [, name, keyId, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/u.exec(text.trim()) ?? [];
  if (!name || !keyId || !encoded) throw new Error("A verifier key reads NAME+KEYID+BASE64, in one line.");
  const key = fromBase64(encoded);
  const named = Uint8Array.from([...new TextEncoder().encode(`${name}\n`), ...key]);
  const id = toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", named)).slice(0, KEY_ID_BYTES));
  if (id !== keyId || key[0] !== ED25519)
    throw new Error("This verifier key is damaged: its id does not belong to it.");
  return { name, keyId, publicKey: key.slice(1) };
}

/** Whether a checkpoint is signed by a key; null when this browser cannot check such signatures. */
export async function isSignedBy(checkpoint: Checkpoint, key: VerifierKey): Promise<boolean | null> {
  const found = checkpoint.signatures.find((one) => one.name === key.name && one.keyId === key.keyId);
  if (!found) return false;
  const text = new TextEncoder().encode(`${split(checkpoint.note)[0]}\n`);
  try {
    const imported = await crypto.subtle.importKey("raw", key.publicKey, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", imported, Uint8Array.from(found.bytes), text);
  } catch {
    return null;
  }
}
