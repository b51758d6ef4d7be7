import type { Queue } from "../../api/schema";

/** How many of a queue wait for somebody. The server counts the most urgent ones only, and says when there may be more. */
export function howMany({ depth, more }: Pick<Queue, "depth" | "more">): string {
  return more ? `at least ${depth}` : String(depth);
}
