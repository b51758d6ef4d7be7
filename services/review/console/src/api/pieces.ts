// Somebody sees the progress of such an answer, and has something else to do meanwhile.
export const SILENCE_MS = 60_000;

/** For answers that come piece by piece: what is limited is the silence before each piece, not the whole. */
export async function fetchPieces(request: Request): Promise<Response> {
  const silence = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(new DOMException("nothing more came", "TimeoutError")), SILENCE_MS);
  };
  const over = () => clearTimeout(timer);
  heard();
  try {
    const { body, status, headers } = await fetch(request, { signal: silence.signal, credentials: "same-origin" });
    if (!body) over();
    const watched = new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, on) {
        heard();
        on.enqueue(piece);
      },
      flush: over,
    });
    return new Response(body?.pipeThrough(watched) ?? null, { status, headers });
  } catch (error) {
    over();
    throw error;
  }
}
