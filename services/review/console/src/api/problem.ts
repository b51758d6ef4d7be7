/** What the server says when it refuses: RFC 9457 problem details. */
export interface ProblemDetails {
  readonly type?: string;
  readonly title?: string;
  readonly status?: number;
  readonly detail?: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
  readonly trace_id?: string;
}

/** The server answered, and the answer is no. */
export class Refused extends Error {
  readonly slug: string;

  constructor(
    readonly status: number,
    readonly details: ProblemDetails,
  ) {
    super(status < BROKEN ? refusal(status, details) : broken(details));
    this.name = "Refused";
    this.slug = details.type?.split("/").at(-1) ?? "unknown";
  }

  /** What was wrong with each field, in the words of a page: "display name: must have at most 100 characters". */
  get fieldLines(): string[] {
    return (this.details.errors ?? []).map(({ pointer, detail }) => `${fieldWords(pointer)}: ${detail}`);
  }
}

const TOO_MANY = 429;

/** What was wrong; of too much also what there was too much of, as the rest says only when to try again. */
function refusal(status: number, { title, detail }: ProblemDetails): string {
  if (status === TOO_MANY && title && detail) return `${title}. ${detail}`;
  return detail || title || `The server answered ${status}.`;
}

// From here on it is the server's fault, and nothing that somebody wrote.
const BROKEN = 500;

function broken({ title, trace_id: trace }: ProblemDetails): string {
  const where = trace ? `: it is in the log under ${trace}` : "";
  return `${title || "Something broke on the server"}. Asking again may help; if not, tell whoever looks after it${where}.`;
}

/** The name of a field from its place in the request; items of a list are counted from one. */
function fieldWords(pointer: string): string {
  return pointer
    .replace(/^\/?(query\/|body\/|path\/|header\/)?/u, "")
    .replace(/\/(\d+)/gu, (_, index: string) => ` ${Number(index) + 1}`)
    .replaceAll("/", ", ")
    .replaceAll("_", " ");
}

/** No answer came, or none that says what was done: nobody knows whether the server heard. `said` tells what is known. */
export class NoAnswer extends Error {
  constructor(cause: unknown, said = "The server does not answer.") {
    super(said, { cause });
    this.name = "NoAnswer";
  }
}

/** Whether the same may well be done a moment later: nobody has said that it cannot. */
export function isPassing(error: unknown): boolean {
  return (
    error instanceof NoAnswer || (error instanceof Refused && (error.status === TOO_MANY || error.status >= BROKEN))
  );
}

/** What a proxy or a network says in place of the server. Its words are not shown: they are for others, or a page. */
export function spokenFor(status: number): NoAnswer {
  return new NoAnswer(
    new Error(`status ${status}`),
    `The server does not answer: something else answers in its place, with status ${status}.`,
  );
}

/** What to tell a person about an error. */
export function explain(error: unknown): string {
  if (error instanceof Refused) {
    const lines = error.fieldLines;
    return lines.length > 0 ? `${lines.join("; ")}.` : error.message;
  }
  if (error instanceof NoAnswer) return `${error.message} Nothing was changed that the page shows as done.`;
  return error instanceof Error ? error.message : String(error);
}
