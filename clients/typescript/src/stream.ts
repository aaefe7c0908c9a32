/** Live events of a person, over a stream that is resumed where it ended. */

import { ConnectionFailedError, RateLimitedError, UnavailableError } from "./errors.js";
import { waitAfterFailure, waitAfterStatus } from "./retries.js";
import type { Transport } from "./transport.js";

/** An event: what further members it has, depends on its type. */
export interface LiveEvent {
  id: string;
  type: string;
  timestamp: string;
  [member: string]: unknown;
}

export interface StreamOptions {
  /** The id of the event to begin after; "0" is everything that the desk keeps. Without it, only new events come. */
  after?: string;
  agentName?: string;
  signal?: AbortSignal;
  onConnect?: () => void;
}

const PATH = "/api/v2/shared-chat/stream";
// A host sends a heartbeat every 30 seconds, and a function ends its reply within 25.
const SILENCE = 75_000;
// A stream that is refused says so in an event `error`, and when to come back in `retry`.
const SIGNALS = new Set(["connected", "heartbeat", "error"]);

/** Reads the lines of an event stream (WHATWG HTML, 9.2). */
export class ServerSentEvents {
  lastId: string;
  /** Milliseconds that the server wants a client to wait before it comes back. */
  retry = 1000;

  constructor(lastId = "") {
    this.lastId = lastId;
  }

  /** Return type and data of each event that is whole. What a broken connection began is dropped. */
  async *read(lines: AsyncIterable<string>): AsyncGenerator<[type: string, data: string]> {
    let type = "";
    let data: string[] = [];
    let id: string | null = null;
    for await (const line of lines) {
      if (line !== "") {
        const colon = line.indexOf(":");
        const name = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (name === "event") type = value;
        else if (name === "data") data.push(value);
        else if (name === "id" && !value.includes("\0")) id = value;
        else if (name === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
        continue;
      }
      // The id counts once its event was handled, so that a client that fails while it does so gets it again.
      const [ready, readyId] = [data.length > 0 ? ([type || "message", data.join("\n")] as [string, string]) : null, id];
      [type, data, id] = ["", [], null];
      if (ready) yield ready;
      this.lastId = readyId ?? this.lastId;
    }
  }
}

/**
 * Iterate over a person's live events, and connect again whenever a connection ends. They end with `signal`.
 *
 * Store the `id` of each event that you have handled, and give it to the next process as `after`. Throws what the desk
 * says of a key that may not listen, and what goes wrong in as many attempts as the policy has.
 */
export async function* liveEvents(transport: Transport, options: StreamOptions = {}): AsyncGenerator<LiveEvent> {
  const source = new ServerSentEvents(options.after ?? "");
  let failures = 0;
  while (!options.signal?.aborted) {
    let milliseconds: number | null;
    try {
      for await (const [type, data] of readOnce(transport, source, options)) {
        failures = 0;
        if (type === "connected") options.onConnect?.();
        if (!SIGNALS.has(type)) yield JSON.parse(data) as LiveEvent;
      }
      milliseconds = source.retry;
    } catch (error) {
      if (options.signal?.aborted) return;
      failures += 1;
      milliseconds = waitAfter(transport, failures, error);
      if (milliseconds === null) throw error;
    }
    try {
      await transport.sleep(milliseconds, options.signal);
    } catch (error) {
      if (!options.signal?.aborted) throw error;
    }
  }
}

async function* readOnce(
  transport: Transport,
  source: ServerSentEvents,
  options: StreamOptions,
): AsyncGenerator<[string, string]> {
  const silence = new AbortController();
  const ends = options.signal ? AbortSignal.any([options.signal, silence.signal]) : silence.signal;
  const headers: Record<string, string> = {};
  if (source.lastId) headers["Last-Event-ID"] = source.lastId;
  if (options.agentName) headers["X-Agent-Name"] = options.agentName;
  try {
    const response = await transport.openStream(PATH, headers, ends);
    if (response.body) yield* source.read(lines(response.body, silence));
  } finally {
    // Closes the connection of a reader that stops.
    silence.abort();
  }
}

async function* lines(body: ReadableStream<Uint8Array>, silence: AbortController): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let text = "";
  while (true) {
    const timer = setTimeout(() => silence.abort(), SILENCE);
    let chunk: ReadableStreamReadResult<string>;
    try {
      chunk = await reader.read();
    } catch (error) {
      throw new ConnectionFailedError("The stream ended.", { cause: error });
    } finally {
      clearTimeout(timer);
    }
    if (chunk.done) return;
    text += chunk.value;
    // A carriage return at the end may be half of a line's end.
    const complete = text.endsWith("\r") ? text.slice(0, -1) : text;
    const parts = complete.split(/\r\n|\n|\r/);
    text = (parts.pop() ?? "") + text.slice(complete.length);
    yield* parts;
  }
}

function waitAfter(transport: Transport, failures: number, error: unknown): number | null {
  if (error instanceof ConnectionFailedError) return waitAfterFailure(transport.policy, failures, true, true);
  if (error instanceof RateLimitedError || error instanceof UnavailableError) {
    const headers = new Headers(error.retryAfter === null ? {} : { "Retry-After": error.retryAfter });
    return waitAfterStatus(transport.policy, failures, error.status, headers, true);
  }
  return null;
}
