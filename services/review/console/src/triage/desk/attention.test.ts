import { describe, expect, it } from "vitest";

import { Attention, IDLE_MS } from "./attention";

class Clock {
  now = 5_000;
  readonly attention = new Attention(() => this.now);

  after(ms: number, what: (attention: Attention) => void): this {
    this.now += ms;
    what(this.attention);
    return this;
  }
}

const here = (attention: Attention) => attention.attend(true);
const away = (attention: Attention) => attention.attend(false);
const stir = (attention: Attention) => attention.stir();
const act = (attention: Attention) => attention.act();

describe("attention", () => {
  it("counts only while the page is in front of its reader", () => {
    const clock = new Clock().after(1_000, here).after(4_000, away).after(30_000, stir).after(1_000, here);
    clock.now += 2_500;
    expect(clock.attention.read()).toEqual({ active_seconds: 6.5, first_action_seconds: null });
  });

  it("takes a short silence for reading and cuts a long one", () => {
    const clock = new Clock()
      .after(0, here)
      .after(IDLE_MS - 1_000, stir)
      .after(600_000, stir);
    expect(clock.attention.read().active_seconds).toBe((IDLE_MS - 1_000 + IDLE_MS) / 1_000);
  });

  it("knows when the reader first pressed something, counted from when the case was shown", () => {
    const clock = new Clock().after(0, here).after(2_000, stir).after(1_200, act).after(5_000, act);
    expect(clock.attention.read()).toEqual({ active_seconds: 8.2, first_action_seconds: 3.2 });
  });

  it("may be read again: the first answer of a blind case, and the last", () => {
    const clock = new Clock().after(0, here).after(7_000, act);
    expect(clock.attention.read().active_seconds).toBe(7);
    clock.after(3_000, act);
    expect(clock.attention.read().active_seconds).toBe(10);
  });

  it("is nothing for a case nobody looked at", () => {
    expect(new Clock().after(9_000, stir).attention.read()).toEqual({ active_seconds: 0, first_action_seconds: null });
  });
});
