import { NoAnswer } from "../api/problem";
import type { ReplayDone, ReplayProblem, ReplayProgress, ReplayReport } from "../api/router";

type Line = ReplayProgress | ReplayDone | ReplayProblem;

/** Reads a replay's stream of lines to its report; throws what went wrong on the way. */
export async function readReplay(
  stream: ReadableStream<Uint8Array>,
  onProgress: (progress: { readonly done: number; readonly total: number | null }) => void,
): Promise<ReplayReport> {
  for await (const line of linesOf(stream)) {
    const said = JSON.parse(line) as Line;
    if (said.kind === "report") return said.report;
    if (said.kind === "problem") throw new Error(`${said.title}. ${said.detail}`);
    onProgress(said);
  }
  throw new NoAnswer(new Error("the stream ended without a report"));
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    const lines = (rest + decoder.decode(value, { stream: !done })).split("\n");
    rest = done ? "" : (lines.pop() ?? "");
    yield* lines.filter((line) => line.trim() !== "");
    if (done) return;
  }
}
