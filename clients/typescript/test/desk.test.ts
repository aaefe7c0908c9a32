/** The client against a desk, whose address and tokens are in the environment. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Desk, ForbiddenError, InvalidRequestError, NotFoundError, result, UnauthorizedError } from "../src/index.js";

const { FLUXDEN_URL: url, ALICE_KEY: key, ALICE_TOKEN: personal, TOOLS_TOKEN: tools } = process.env;
assert(url && key && personal && tools, "the desk is missing: run make test-clients");
const alice = new Desk(url, key);
const integrator = new Desk(url, personal);

const event = (title: string) =>
  ({
    spec_version: "2",
    event_id: crypto.randomUUID(),
    event_type: "fd1.build.failed",
    severity: "warn",
    title,
    occurred_at: new Date().toISOString(),
  }) as const;

test("an event that is published is in the inbox of its recipient", async () => {
  const sent = await result(integrator.api.POST("/api/v1/events", { body: event("Build 812 failed") }));
  const path = { deliveryId: sent.deliveryId };
  const found = await result(alice.api.GET("/api/v1/inbox/{deliveryId}", { params: { path } }));
  assert.equal(found.title, "Build 812 failed");
});

test("a repeated call with the same key is answered as the first", async () => {
  const options = { body: event("Once"), params: { header: { "Idempotency-Key": crypto.randomUUID() } } };
  const first = await result(integrator.api.POST("/api/v1/events", options));
  const second = await result(integrator.api.POST("/api/v1/events", options));
  assert.deepEqual([second.deliveryId, second.fireCount], [first.deliveryId, 1]);
});

test("an event reaches many people", async () => {
  const recipients = ["alice@example.com", "erin@example.com"].map((email) => ({ type: "email", email }) as const);
  const body = { event: event("Checkout is down"), recipients };
  const { results } = await result(new Desk(url, tools).api.POST("/api/v1/events/bulk", { body }));
  assert.equal(results[1]?.error, "no_approved_request");
});

test("a decision that is made meanwhile ends the wait", async () => {
  const proposal = { tool: "deploy", why: "Green.", arguments: { version: "811" } };
  const body = { title: "Deploy?", metadata: { proposal } };
  const { data: task } = await result(alice.api.POST("/api/v2/queue", { body }));
  assert.equal((await alice.waitForDecision(task.id, { timeout: 0 })).state, "waiting");
  const waits = alice.waitForDecision(task.id);
  const decision = { action: "approve", arguments: { version: "812" }, reason: "Newer." } as const;
  const params = { path: { id: task.id } };
  await result(alice.api.POST("/api/v2/queue/{id}/confirm", { params, body: decision }));
  const { state, reason, arguments: approved } = await waits;
  assert.deepEqual([state, reason, approved], ["approved", "Newer.", { version: "812" }]);
});

test("live events come while they happen, and after the last one that was handled", async () => {
  const connected = deferred();
  const events = alice.liveEvents({ onConnect: () => connected.resolve() });
  const next = nextDelivery(events);
  await connected.promise;
  const sent = await result(integrator.api.POST("/api/v1/events", { body: event("Live") }));
  const first = await next;
  assert.deepEqual([first.deliveryId, first.title], [sent.deliveryId, "Live"]);
  await events.return(undefined);
  const missed = await result(integrator.api.POST("/api/v1/events", { body: event("Missed") }));
  const second = await nextDelivery(alice.liveEvents({ after: first.id }));
  assert.deepEqual([second.deliveryId, second.title], [missed.deliveryId, "Missed"]);
});

test("refusals are errors of their kind", async () => {
  const call = integrator.api.POST("/api/v1/events", { body: { ...event("No"), title: "" } });
  await assert.rejects(call, (error: InvalidRequestError) => error instanceof InvalidRequestError && "title" in error.fields);
  const path = { id: crypto.randomUUID() };
  await assert.rejects(alice.api.GET("/api/v2/queue/{id}", { params: { path } }), NotFoundError);
  await assert.rejects(new Desk(url, "dvd_unknown").api.GET("/api/v2/me"), UnauthorizedError);
  await assert.rejects(alice.api.GET("/api/v1/integrators"), ForbiddenError);
});

async function nextDelivery(events: AsyncGenerator<{ id: string; type: string; [member: string]: unknown }>) {
  for await (const each of events) if (each.type === "delivery") return each;
  throw new Error("the stream ended");
}

function deferred() {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((each) => (resolve = each));
  return { promise, resolve };
}
