import { describe, expect, it } from "vitest";

import type { Queue } from "../../api/schema";
import { chosenQueue } from "./chosenQueue";

const queue = (name: string, depth: number): Queue => ({
  queue: name,
  label: name,
  depth,
  oldest_age_seconds: 0,
  due_within_hour: 0,
  more: false,
});
const QUEUES = [queue("fraud", 2), queue("refunds", 1)];

describe("the queue to work on", () => {
  it("is the first that has work while none was chosen", () => {
    expect(chosenQueue("", QUEUES)?.queue).toBe("fraud");
    expect(chosenQueue("", [])).toBeNull();
  });

  it("stays the chosen one when it has run empty", () => {
    expect(chosenQueue("refunds", QUEUES)).toBe(QUEUES[1]);
    expect(chosenQueue("moderation_senior", QUEUES)).toMatchObject({
      queue: "moderation_senior",
      label: "Moderation senior",
      depth: 0,
    });
  });

  it("is none while nobody knows the queues", () => {
    expect(chosenQueue("refunds", undefined)).toBeNull();
  });
});
