import createClient, { type Middleware } from "openapi-fetch";

import { noteAnswered } from "./connection";
import { NoAnswer, type ProblemDetails, Refused } from "./problem";
import type { paths as AuditPaths } from "./audit";
import type { paths as FeedbackPaths } from "./feedback";
import type { paths as RouterPaths } from "./router";
import type { paths as ReviewPaths } from "./schema";
import { noteDate } from "./serverClock";

// A proxy that answers for a server it cannot reach has not been heard by anybody.
const NOBODY_THERE: ReadonlySet<number> = new Set([502, 503, 504]);
// Longer than the slowest answer that is still useful to someone at the desk.
const TIMEOUT_MS = 15_000;

let csrfToken = "";
let signedOut: () => void = () => undefined;
let tokenIsOld: () => Promise<boolean> = () => Promise.resolve(false);

/** The token comes with the session; every write carries it. */
export function rememberCsrfToken(token: string): void {
  csrfToken = token;
}

/** Called whenever the server says that nobody is signed in (any more). */
export function whenSignedOut(tell: () => void): void {
  signedOut = tell;
}

/** Called when a write came with the token of an earlier session; true when the same person has a new one. */
export function whenTokenIsOld(renew: () => Promise<boolean>): void {
  tokenIsOld = renew;
}

const middleware: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET" && csrfToken) request.headers.set("X-CSRF-Token", csrfToken);
    return request;
  },
  onResponse({ response }) {
    noteDate(response.headers.get("date"));
    noteAnswered(!NOBODY_THERE.has(response.status));
    if (response.status === 401) signedOut();
    if (NOBODY_THERE.has(response.status)) throw new NoAnswer(new Error(`status ${response.status}`));
  },
  onError({ error }) {
    if (error instanceof NoAnswer) return error;
    noteAnswered(false);
    return new NoAnswer(error);
  },
};

/**
 * Sends, and sends once more what was refused only because its person has signed in anew in another tab: nothing was
 * done yet, and nothing but the token is old.
 */
async function fetchWithin(request: Request): Promise<Response> {
  const again = request.method === "GET" ? null : request.clone();
  const answer = await fetchOnce(request);
  if (!again || !(await saysOldToken(answer)) || !(await tokenIsOld())) return answer;
  again.headers.set("X-CSRF-Token", csrfToken);
  return fetchOnce(again);
}

function fetchOnce(request: Request): Promise<Response> {
  return fetch(request, { signal: AbortSignal.timeout(TIMEOUT_MS), credentials: "same-origin" });
}

async function saysOldToken(answer: Response): Promise<boolean> {
  if (answer.status !== 403) return false;
  const details: unknown = await answer
    .clone()
    .json()
    .catch(() => null);
  return isDetails(details) && new Refused(403, details).slug === "csrf";
}

/** Review itself, and the services that it passes calls on to: nobody else's addresses begin like theirs. */
type Paths = ReviewPaths & RouterPaths & AuditPaths & FeedbackPaths;

export const api = createClient<Paths>({ baseUrl: window.location.origin, fetch: fetchWithin });
api.use(middleware);

interface Answer<T> {
  readonly data?: T | undefined;
  readonly error?: unknown;
  readonly response: Response;
}

/** The body of a good answer; throws Refused for a problem and NoAnswer when nobody answered. */
export async function answerOf<T>(pending: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await pending;
  if (response.ok) return data as T;
  throw new Refused(response.status, isDetails(error) ? error : { title: String(error ?? response.statusText) });
}

function isDetails(error: unknown): error is ProblemDetails {
  return typeof error === "object" && error !== null;
}
