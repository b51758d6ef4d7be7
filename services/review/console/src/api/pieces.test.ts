import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { fetchPieces, SILENCE_MS } from "./pieces";

/** A server that sends a piece after each of these times, and then nothing more. */
function sending(...pauses: readonly number[]) {
  vi.stubGlobal("fetch", (_: Request, { signal }: RequestInit) => {
    const body = new ReadableStream<Uint8Array>({
      async start(to) {
        signal?.addEventListener("abort", () => to.error(signal.reason));
        for (const pause of pauses) {
          await new Promise((resolve) => setTimeout(resolve, pause));
          if (signal?.aborted) return;
          to.enqueue(new TextEncoder().encode("."));
        }
        if (pauses.length < 3) return;
        to.close();
      },
    });
    return Promise.resolve(new Response(body));
  });
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("an answer may take as long as it wants while pieces come", async () => {
  sending(SILENCE_MS - 1, SILENCE_MS - 1, SILENCE_MS - 1);
  const text = fetchPieces(new Request("http://here/")).then((answer) => answer.text());
  await vi.advanceTimersByTimeAsync(3 * SILENCE_MS);
  await expect(text).resolves.toBe("...");
  expect(vi.getTimerCount()).toBe(0);
});

test("silence ends it", async () => {
  sending(1);
  const text = fetchPieces(new Request("http://here/")).then((answer) => answer.text());
  const refused = expect(text).rejects.toThrow("nothing more came");
  await vi.advanceTimersByTimeAsync(SILENCE_MS + 2);
  await refused;
});
