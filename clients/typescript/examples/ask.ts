/** Ask for approval, wait, and act on what was approved. Set FLUXDEN_URL and FLUXDEN_TOKEN, an API key. */

import { Desk, result } from "../src/index.js";

const desk = Desk.fromEnvironment();
const proposal = { tool: "deploy", why: "All tests pass.", arguments: { version: "812" } };
const task = await result(desk.api.POST("/api/v2/queue", { body: { title: "Deploy 812?", metadata: { proposal } } }));
const decision = await desk.waitForDecision(task.data.id, { timeout: 3600 });
if (decision.state === "approved") console.log("deploying", decision.arguments);
