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
    super(details.detail || details.title || `The server answered ${status}.`);
    this.name = "Refused";
    this.slug = details.type?.split("/").at(-1) ?? "unknown";
  }

  /** One line per field that was wrong, with its place. */
  get fieldLines(): string[] {
    return (this.details.errors ?? []).map(({ pointer, detail }) => `${pointer.replace(/^\//, "")}: ${detail}`);
  }
}

/** No answer came: nobody knows whether the server heard. */
export class NoAnswer extends Error {
  constructor(cause: unknown) {
    super("The server does not answer.", { cause });
    this.name = "NoAnswer";
  }
}

/** What to tell a person about an error. */
export function explain(error: unknown): string {
  if (error instanceof Refused) return [error.message, ...error.fieldLines].join(" ");
  if (error instanceof NoAnswer) return `${error.message} Nothing was changed that the page shows as done.`;
  return error instanceof Error ? error.message : String(error);
}
