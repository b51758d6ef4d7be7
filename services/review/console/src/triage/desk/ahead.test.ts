import { describe, expect, it } from "vitest";

import type { Claim } from "../../api/schema";
import { Ahead, KEPT_MS } from "./ahead";

const claim = (id: string) => ({ claim_id: id, review_id: `review of ${id}` }) as Claim;

/** An answer that comes when it is told to. */
function later<T>() {
  let answer: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => (answer = resolve));
  return { ask: () => promise, answer };
}

function desk() {
  const released: string[] = [];
  const clock = { now: 0 };
  const release = (id: string) => {
    released.push(id);
    return Promise.resolve();
  };
  return { ahead: new Ahead({ release, now: () => clock.now, onChange: () => undefined }), released, clock };
}

describe("looking ahead", () => {
  it("holds no third case when a decision is taken back while the next one is on its way", async () => {
    const { ahead, released } = desk();
    const next = later<Claim | null>();
    const looking = ahead.look(next.ask, () => true);
    // Taken back: the decided case is open again, and the one that was open becomes the next.
    ahead.keep(claim("open before"));
    next.answer(claim("too late"));
    await looking;
    expect(released).toEqual(["too late"]);
    expect(ahead.use(null)?.claim_id).toBe("open before");
  });

  it("gives back what was prepared when another case is put aside as the next one", async () => {
    const { ahead, released } = desk();
    await ahead.look(
      () => Promise.resolve(claim("prepared")),
      () => true,
    );
    ahead.keep(claim("open before"));
    expect(released).toEqual(["prepared"]);
    expect(ahead.use(null)?.claim_id).toBe("open before");
    expect(ahead.prepared).toBe(false);
  });

  it("gives back what comes for a queue that nobody looks at any more", async () => {
    const { ahead, released } = desk();
    await ahead.look(
      () => Promise.resolve(claim("other queue")),
      () => false,
    );
    expect(released).toEqual(["other queue"]);
    expect(ahead.prepared).toBe(false);
  });

  it("uses the case that is on its way instead of asking for one more", async () => {
    const { ahead, released } = desk();
    const next = later<Claim | null>();
    const looking = ahead.look(next.ask, () => true);
    let asked = 0;
    const taken = ahead.take(() => {
      asked += 1;
      return Promise.resolve(claim("one more"));
    }, null);
    next.answer(claim("on its way"));
    await looking;
    expect((await taken)?.claim_id).toBe("on its way");
    expect([asked, released]).toEqual([0, []]);
  });

  it("makes room before it asks for the case that is named", async () => {
    const { ahead, released } = desk();
    ahead.keep(claim("prepared"));
    const taken = await ahead.take(() => Promise.resolve(claim("named")), "review of named");
    expect(taken?.claim_id).toBe("named");
    expect(released).toEqual(["prepared"]);
  });

  it("does not show what the server is about to take away", () => {
    const { ahead, released, clock } = desk();
    ahead.keep(claim("old"));
    clock.now = KEPT_MS + 1;
    expect(ahead.use(null)).toBeNull();
    expect(released).toEqual(["old"]);
  });
});
