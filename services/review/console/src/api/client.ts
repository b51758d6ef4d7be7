import createClient, { type Middleware } from "openapi-fetch";

import { noteAnswered } from "./connection";
import { NoAnswer, type ProblemDetails, Refused, spokenFor } from "./problem";
import type { paths as AuditPaths } from "./audit";
import type { paths as FeedbackPaths } from "./feedback";
import type { paths as RouterPaths } from "./router";
import type { paths as ReviewPaths } from "./schema";
import { noteDate } from "./serverClock";

// What a proxy answers for a server that it cannot reach, and a service for one that it needs.
const NOBODY_THERE: ReadonlySet<number> = new Set([502, 503, 504]);
// Longer than the slowest answer that is still useful to someone at the desk.
const TIMEOUT_MS = 15_000;
const OWN = "/api/review/";

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
  async onResponse({ request, response }) {
    noteDate(response.headers.get("date"));
    if (!NOBODY_THERE.has(response.status) && !isOf(response, "text/html")) {
      noteAnswered(true);
      if (response.status === 401) signedOut();
      return;
    }
    const said = isOf(response, "application/problem+json") ? await detailsIn(response) : null;
    // Where another service is away, review has heard and said so: what is decided is recorded all the same.
    noteAnswered(said !== null && !new URL(request.url).pathname.startsWith(OWN));
    throw said?.title ? new NoAnswer(said, `${said.title}.`) : spokenFor(response.status);
  },
  onError({ request, error }) {
    if (error instanceof NoAnswer || request.signal.aborted) return error as Error;
    noteAnswered(false);
    return new NoAnswer(error);
  },
};

function isOf(response: Response, kind: string): boolean {
  return response.headers.get("content-type")?.startsWith(kind) ?? false;
}

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
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(TIMEOUT_MS)]);
  return fetch(request, { signal, credentials: "same-origin" });
}

async function saysOldToken(answer: Response): Promise<boolean> {
  if (answer.status !== 403) return false;
  const details = await detailsIn(answer);
  return details !== null && new Refused(403, details).slug === "csrf";
}

async function detailsIn(answer: Response): Promise<ProblemDetails | null> {
  const details: unknown = await answer
    .clone()
    .json()
    .catch(() => null);
  return isDetails(details) ? details : null;
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
  const { data, error, response } = await pending.catch(notWritten);
  if (response.ok) return data as T;
  throw new Refused(response.status, isDetails(error) ? error : { title: String(error ?? response.statusText) });
}

/** What is not written as the server writes was said by something else. */
function notWritten(error: unknown): never {
  throw error instanceof SyntaxError ? spokenFor(200) : error;
}

function isDetails(error: unknown): error is ProblemDetails {
  return typeof error === "object" && error !== null;
}
