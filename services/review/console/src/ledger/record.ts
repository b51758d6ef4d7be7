import { NoAnswer } from "../api/problem";

// Short enough that a blink of the network is not noticed, long enough not to hammer a server that is starting.
const RETRY_MS = 2_000;

export interface Attempt<T> {
  /** Sends once. The same idempotency key every time: the server must not see two decisions. */
  readonly send: () => Promise<T>;
  readonly wait: (ms: number) => Promise<void>;
  /** Called when nobody answered and another attempt will follow. */
  readonly onSilence: () => void;
}

/** Sends until somebody answers. A refusal is an answer and is thrown; silence is not. */
export async function untilAnswered<T>({ send, wait, onSilence }: Attempt<T>): Promise<T> {
  for (;;) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      onSilence();
      await wait(RETRY_MS);
    }
  }
}
