import { describe, expect, it } from "vitest";

import { NoAnswer } from "../api/problem";
import { readReplay } from "./replay";

const streamOf = (...chunks: string[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
      controller.close();
    },
  });

describe("a replay's stream", () => {
  it("tells how far it is and ends with the report, wherever the lines are cut", async () => {
    const seen: number[] = [];
    const stream = streamOf('{"kind":"progress","done":1,"to', 'tal":2}\n{"kind":"report","report":{"changed":7}}');
    const report = await readReplay(stream, ({ done }) => seen.push(done));
    expect(report.changed).toBe(7);
    expect(seen).toEqual([1]);
  });

  it("throws the problem it ends with", async () => {
    const stream = streamOf('{"kind":"problem","title":"Busy","detail":"Another replay runs."}\n');
    await expect(readReplay(stream, () => undefined)).rejects.toThrow("Busy. Another replay runs.");
  });

  it("is no report when the connection ends early", async () => {
    await expect(readReplay(streamOf('{"kind":"progress","done":1,"total":2}\n'), () => undefined)).rejects.toThrow(
      NoAnswer,
    );
  });
});
