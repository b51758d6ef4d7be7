/**
 * Proofs about the log, checked here in the browser: what the server says is compared with what follows
 * from the hashes (RFC 9162, sections 2.1.3 and 2.1.4). Hashes are in hexadecimal.
 */
type Bytes = Uint8Array<ArrayBuffer>;

const LEAF = 0;
const NODE = 1;

export function fromHex(text: string): Bytes {
  return Uint8Array.from(text.match(/../gu) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function hash(prefix: number, ...parts: readonly Bytes[]): Promise<Bytes> {
  const joined = new Uint8Array(1 + parts.reduce((length, part) => length + part.length, 0));
  joined[0] = prefix;
  let at = 1;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined));
}

/** The hash under which an entry stands in the tree. */
export async function leafHash(leaf: string): Promise<string> {
  return toHex(await hash(LEAF, new TextEncoder().encode(leaf)));
}

const half = (value: number) => Math.floor(value / 2);
const odd = (value: number) => value % 2 === 1;

export interface Inclusion {
  readonly index: number;
  readonly size: number;
  readonly leafHash: string;
  readonly proof: readonly string[];
  readonly root: string;
}

/** Whether the tree of this size and root holds the entry at this place. */
export async function isIncluded({ index, size, leafHash: leaf, proof, root }: Inclusion): Promise<boolean> {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) return false;
  let [at, last] = [index, size - 1];
  let now = fromHex(leaf);
  for (const step of proof) {
    if (last === 0) return false;
    if (odd(at) || at === last) {
      now = await hash(NODE, fromHex(step), now);
      while (at !== 0 && !odd(at)) [at, last] = [half(at), half(last)];
    } else {
      now = await hash(NODE, now, fromHex(step));
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && toHex(now) === root;
}

export interface Growth {
  readonly first: number;
  readonly firstRoot: string;
  readonly second: number;
  readonly secondRoot: string;
  readonly proof: readonly string[];
}

/** Whether the newer tree only added to the older one. */
export async function onlyGrew({ first, firstRoot, second, secondRoot, proof }: Growth): Promise<boolean> {
  if (first < 1 || first > second) return false;
  if (first === second) return proof.length === 0 && firstRoot === secondRoot;
  const wholeTree = Number.isInteger(Math.log2(first));
  const steps = (wholeTree ? [firstRoot, ...proof] : proof).map(fromHex);
  const start = steps[0];
  if (!start) return false;
  let [at, last] = [first - 1, second - 1];
  while (odd(at)) [at, last] = [half(at), half(last)];
  let [older, newer] = [start, start];
  for (const step of steps.slice(1)) {
    if (last === 0) return false;
    if (odd(at) || at === last) {
      older = await hash(NODE, step, older);
      newer = await hash(NODE, step, newer);
      while (at !== 0 && !odd(at)) [at, last] = [half(at), half(last)];
    } else {
      newer = await hash(NODE, newer, step);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && toHex(older) === firstRoot && toHex(newer) === secondRoot;
}
