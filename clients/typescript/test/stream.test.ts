/** Live events: read as browsers read event streams, and resumed where a connection ended. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Desk, ForbiddenError, type StreamOptions, UnavailableError } from "../src/index.js";
import { ServerSentEvents } from "../src/stream.js";

const event = (number: number, type = "delivery"): string =>
  `id: ${number}\nevent: ${type}\ndata: ${JSON.stringify({ id: String(number), type })}\n\n`;

/** A stream that comes in pieces of a few bytes, and breaks at its end if it should. */
function stream(text: string, breaks = false): Response {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  return new Response(
    new ReadableStream<Uint8Array>({
      pull(controller) {
        if (at < bytes.length) controller.enqueue(bytes.slice(at, (at += 7)));
        else if (breaks) controller.error(new TypeError("terminated"));
        else controller.close();
      },
    }),
    { headers: { "Content-Type": "text/event-stream" } },
  );
}

function listen(answers: Response[], options: StreamOptions = {}) {
  const asked: (string | null)[] = [];
  const waits: number[] = [];
  const desk = new Desk("https://desk.example", "dvd_x", {
    policy: { attempts: 3, jitter: () => 1 },
    fetch: async (input, init) => {
      asked.push(new Request(input, init).headers.get("last-event-id"));
      const answer = answers.shift();
      assert(answer, "no further request is expected");
      return answer;
    },
    sleep: async (milliseconds) => void waits.push(milliseconds),
  });
  return { events: desk.liveEvents(options), asked, waits };
}

async function ids(events: AsyncGenerator<{ id: string }>, count: number): Promise<string[]> {
  const found: string[] = [];
  for await (const each of events) {
    found.push(each.id);
    if (found.length === count) break;
  }
  return found;
}

test("it goes on after the last event when a reply ends", async () => {
  const first = `retry: 1500\n${event(10, "connected")}${event(11)}`;
  const { events, asked, waits } = listen([stream(first), stream(event(12, "heartbeat") + event(13))]);
  assert.deepEqual(await ids(events, 2), ["11", "13"]);
  assert.deepEqual([asked, waits], [[null, "11"], [1500]]);
});

test("what a broken connection began is asked for again", async () => {
  const text = `${event(10, "connected")}${event(11)}id: 12\ndata: {"id": "12"`;
  const { events, asked, waits } = listen([stream(text, true), stream(event(12))]);
  assert.deepEqual(await ids(events, 2), ["11", "12"]);
  assert.deepEqual([asked, waits], [[null, "11"], [500]]);
});

test("a first connection that only connects is resumed from there, and another after the id that it is given", async () => {
  const first = listen([stream(event(10, "connected")), stream(event(11))]);
  assert.deepEqual(await ids(first.events, 1), ["11"]);
  assert.deepEqual(first.asked, [null, "10"]);
  const given = listen([stream(event(8))], { after: "7" });
  assert.deepEqual([await ids(given.events, 1), given.asked], [["8"], ["7"]]);
});

test("a stream that is refused in an event comes back when it says", async () => {
  const busy = 'retry: 4000\nevent: error\ndata: {"type": "error", "status": 429}\n\n';
  const { events, asked, waits } = listen([stream(busy), stream(event(8))], { after: "7" });
  assert.deepEqual(await ids(events, 1), ["8"]);
  assert.deepEqual([asked, waits], [["7", "7"], [4000]]);
});

test("a busy desk is asked again as it says and then no more, and a key that may not listen is told at once", async () => {
  const busy = () => new Response('{"error": "Busy."}', { status: 503, headers: { "Retry-After": "9" } });
  const waiting = listen([busy(), stream(event(8)), busy(), busy(), busy()]);
  await assert.rejects(ids(waiting.events, 2), UnavailableError);
  assert.deepEqual(waiting.waits, [9000, 1000, 9000, 9000]);
  const forbidden = listen([new Response('{"error": "No."}', { status: 403 })]);
  await assert.rejects(ids(forbidden.events, 1), ForbiddenError);
});

test("a signal ends the events", async () => {
  const ends = new AbortController();
  const { events } = listen([stream(event(10, "connected") + event(11) + event(12))], { signal: ends.signal });
  const found: string[] = [];
  for await (const each of events) {
    found.push(each.id);
    ends.abort();
    if (found.length > 2) break;
  }
  assert(found.length <= 2);
});

test("lines are read as the standard says", async () => {
  const source = new ServerSentEvents();
  const lines = [": comment", "event: a", "data: one", "data:two", "id: 5", "", "id: 6", "", "data", "", "retry: x", "data: cut"];
  async function* given() {
    yield* lines;
  }
  const found: unknown[] = [];
  for await (const each of source.read(given())) found.push(each);
  assert.deepEqual(found, [["a", "one\ntwo"], ["message", ""]]);
  assert.deepEqual([source.lastId, source.retry], ["6", 1000]);
});
