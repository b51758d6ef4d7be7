import type { Change, News } from "./news";

const ADDRESS = "/api/review/v1/stream";
// A server that refuses (too many streams) or is away is not asked more often than this.
const AGAIN_MS = 10_000;

/** Holds the browser's one stream and tells what it says, until the signal aborts. The browser reconnects by itself. */
export function listen(tell: (news: News) => void, signal: AbortSignal): void {
  if (signal.aborted) return;
  const source = new EventSource(ADDRESS);
  let again: ReturnType<typeof setTimeout> | undefined;
  const stop = () => {
    source.close();
    clearTimeout(again);
  };
  signal.addEventListener("abort", stop, { once: true });

  source.addEventListener("ready", () => {
    tell({ type: "live", live: true });
    tell({ type: "resync" });
  });
  source.addEventListener("resync", () => tell({ type: "resync" }));
  source.addEventListener("change", ({ data }: MessageEvent<string>) =>
    tell({ type: "change", change: JSON.parse(data) as Change }),
  );
  source.addEventListener("end", ({ data }: MessageEvent<string>) => {
    const { reason } = JSON.parse(data) as { reason: string };
    tell({ type: "live", live: false });
    if (reason !== "signed_out") return;
    stop();
    tell({ type: "ended" });
  });
  source.onerror = () => {
    tell({ type: "live", live: false });
    // Refused, not lost: the browser does not try again, so this does.
    if (source.readyState === EventSource.CLOSED && !signal.aborted) {
      signal.removeEventListener("abort", stop);
      again = setTimeout(() => listen(tell, signal), AGAIN_MS);
      signal.addEventListener("abort", () => clearTimeout(again), { once: true });
    }
  };
}

/**
 * One stream for all tabs of a browser: whoever holds the lock listens and tells the others; when that tab
 * closes, the next one takes over and everybody reads anew. `hear` gets the news in every tab.
 */
export function share(name: string, hear: (news: News) => void): () => void {
  const over = new AbortController();
  const channel = new BroadcastChannel(name);
  let leading = false;
  let live = false;
  const tell = (news: News) => {
    if (news.type === "live") live = news.live;
    channel.postMessage(news);
    hear(news);
  };
  channel.onmessage = ({ data }: MessageEvent<News>) => {
    if (data.type !== "asking") hear(data);
    else if (leading) channel.postMessage({ type: "live", live } satisfies News);
  };
  const lead = async () => {
    leading = true;
    listen(tell, over.signal);
    // The lock is held until the tab is done with it.
    await new Promise((done) => over.signal.addEventListener("abort", done, { once: true }));
  };
  channel.postMessage({ type: "asking" } satisfies News);
  navigator.locks.request(name, { signal: over.signal }, lead).catch(() => undefined);
  return () => {
    if (leading) channel.postMessage({ type: "live", live: false } satisfies News);
    over.abort();
    channel.close();
  };
}
