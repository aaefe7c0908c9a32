/** Requests of the client: what is repeated and when, which key they have, and what goes wrong in which shape. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  ApiError,
  ConflictError,
  ConnectionFailedError,
  Desk,
  ForbiddenError,
  InvalidRequestError,
  NotFoundError,
  RateLimitedError,
  result,
  SettingsError,
  UnauthorizedError,
  UnavailableError,
} from "../src/index.js";

const URL = "https://desk.example";
const TOKEN = "dvd_keep-this-secret";
const EVENT = {
  spec_version: "2",
  event_id: "one",
  event_type: "ci.build.failed",
  severity: "info",
  title: "One",
  occurred_at: "2026-11-30T12:00:00Z",
} as const;

type Answer = Response | Error;

/** Gives the answers of a list, one for each request, and keeps the requests and the waits between them. */
class Server {
  readonly requests: Request[] = [];
  readonly waits: number[] = [];
  readonly desk: Desk;

  constructor(answers: Answer[]) {
    const left = [...answers];
    this.desk = new Desk(URL, TOKEN, {
      policy: { jitter: () => 1 },
      fetch: async (input, init) => {
        this.requests.push(new Request(input, init));
        const answer = left.shift();
        assert(answer, "no further request is expected");
        if (answer instanceof Error) throw answer;
        return answer;
      },
      sleep: async (milliseconds) => void this.waits.push(milliseconds),
    });
  }

  get keys(): (string | null)[] {
    return this.requests.map((each) => each.headers.get("idempotency-key"));
  }

  publish(key?: string) {
    const params = key ? { header: { "Idempotency-Key": key } } : {};
    return result(this.desk.api.POST("/api/v1/events", { body: EVENT, params }));
  }

  /** Press a button: the only kind of call that takes no idempotency key and is no read. */
  click() {
    const path = { deliveryId: "6f1", index: 0 };
    return result(this.desk.api.POST("/api/v1/inbox/{deliveryId}/actions/{index}", { params: { path } }));
  }
}

const reply = (status = 200, body: unknown = {}, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers });
const lost = (): Error => new TypeError("fetch failed", { cause: { code: "UND_ERR_SOCKET", message: "other side closed" } });
const refused = (): Error => new TypeError("fetch failed", { cause: { code: "ECONNREFUSED", message: "refused" } });

test("a call has a new idempotency key, or the one that was given", async () => {
  const server = new Server([reply(), reply(), reply()]);
  await server.publish();
  await server.publish();
  await server.publish("mine");
  const [first, second, given] = server.keys;
  assert(first && second && first !== second);
  assert.equal(given, "mine");
});

test("a lost reply is asked for again with the same key", async () => {
  for (const each of [lost, () => reply(502), () => reply(503), () => reply(504)]) {
    const server = new Server([each(), each(), reply(202, { deliveryId: "1" })]);
    assert.equal((await server.publish()).deliveryId, "1");
    assert.equal(new Set(server.keys).size, 1);
    assert.deepEqual(server.waits, [500, 1000]);
    assert.equal(await server.requests[2]?.text(), JSON.stringify(EVENT));
  }
});

test("what has no key is not repeated after it may have had its effect", async () => {
  for (const each of [lost(), reply(503)]) {
    const server = new Server([each]);
    await assert.rejects(server.click(), each instanceof Error ? ConnectionFailedError : UnavailableError);
    assert.deepEqual([server.requests.length, server.keys], [1, [null]]);
  }
});

test("what surely had no effect is repeated without a key", async () => {
  for (const each of [refused(), reply(429, {}, { "Retry-After": "3" })]) {
    const server = new Server([each, reply(202)]);
    await server.click();
    assert.equal(server.requests.length, 2);
  }
});

test("reads are repeated", async () => {
  const server = new Server([lost(), reply(200, { items: [] })]);
  assert.deepEqual((await result(server.desk.api.GET("/api/v1/inbox"))).items, []);
});

test("the desk says how long to wait", async () => {
  const at = new Date(Date.now() + 30_000).toUTCString();
  const full = { "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": String(Math.ceil(Date.now() / 1000) + 9) };
  const server = new Server([
    reply(429, {}, { "Retry-After": "7" }),
    reply(503, {}, { "Retry-After": at }),
    reply(429, {}, full),
    reply(),
  ]);
  await server.publish();
  const [seconds, date, reset] = server.waits as [number, number, number];
  assert.equal(seconds, 7000);
  assert(date > 20_000 && date <= 30_000);
  assert(reset > 0 && reset <= 10_000);
});

test("a longer wait than the policy allows is for the caller", async () => {
  const server = new Server([reply(429, { detail: "The daily limit is reached." }, { "Retry-After": "40000" })]);
  await assert.rejects(server.publish(), (error: RateLimitedError) => {
    assert(error instanceof RateLimitedError);
    assert.equal(error.retryAfter, "40000");
    return true;
  });
  assert.deepEqual(server.waits, []);
});

test("a repetition that overtakes its first request waits for it, and a conflict is not repeated", async () => {
  const server = new Server([lost(), reply(409, {}, { "Retry-After": "1" }), reply(202, { deliveryId: "1" })]);
  assert.equal((await server.publish()).deliveryId, "1");
  const other = new Server([reply(409, { code: "idempotency_conflict" })]);
  await assert.rejects(other.publish(), ConflictError);
});

test("it gives up after five attempts", async () => {
  const server = new Server([lost(), lost(), lost(), lost(), lost()]);
  await assert.rejects(server.publish(), ConnectionFailedError);
  assert.deepEqual(server.waits, [500, 1000, 2000, 4000]);
});

test("each kind of refusal is an error of its own in both shapes", async () => {
  const kinds: [number, typeof ApiError][] = [
    [400, InvalidRequestError],
    [401, UnauthorizedError],
    [403, ForbiddenError],
    [404, NotFoundError],
    [409, ConflictError],
    [413, InvalidRequestError],
    [415, InvalidRequestError],
    [500, UnavailableError],
    [418, ApiError],
    [302, ApiError],
  ];
  for (const [status, Kind] of kinds) {
    const problem = { title: "Title", detail: "What happened.", code: "some_code", fieldErrors: { title: ["is required"] } };
    const v1 = await server1(reply(status, problem, { "X-Request-Id": "req_1" }));
    assert.equal(v1.constructor, Kind);
    assert.deepEqual(
      [v1.status, v1.message, v1.code, v1.requestId, v1.fields],
      [status, `${status}: What happened.`, "some_code", "req_1", { title: ["is required"] }],
    );
    const server = new Server([reply(status, { success: false, error: "Task not found." })]);
    await assert.rejects(server.desk.api.GET("/api/v2/me"), (error: ApiError) => {
      assert.equal(error.constructor, Kind);
      assert.deepEqual([error.message, error.code], [`${status}: Task not found.`, null]);
      return true;
    });
  }
});

async function server1(answer: Response): Promise<ApiError> {
  try {
    await new Server([answer]).publish();
  } catch (error) {
    assert(error instanceof ApiError);
    return error;
  }
  throw new Error("it was not refused");
}

test("addresses and tokens that are none are refused, and a token is never shown", async () => {
  for (const url of ["", "desk.example", "ftp://desk.example", "https://a:b@desk.example", "http://x/?a"]) {
    assert.throws(() => new Desk(url, TOKEN), SettingsError);
  }
  for (const token of ["", "  ", "two words", "line\nline", "dvd_…"]) {
    assert.throws(() => new Desk(URL, token), (error: Error) => !token.trim() || !error.message.includes(token));
  }
  const { inspect } = await import("node:util");
  const server = new Server([reply(401, { detail: "The token is not valid." })]);
  const error = await server.publish().catch((each: unknown) => each);
  assert(!inspect([server.desk, error], { depth: 9, showHidden: true }).includes(TOKEN));
});
