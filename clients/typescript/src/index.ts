/** A client of Fluxden. */

import type { Client } from "openapi-fetch";

import { SettingsError } from "./errors.js";
import type { components } from "./generated/v2.js";
import { type LiveEvent, liveEvents, type StreamOptions } from "./stream.js";
import { type Options, type Paths, Transport } from "./transport.js";

export * from "./errors.js";
export type { components as V1Components } from "./generated/v1.js";
export type { components as V2Components } from "./generated/v2.js";
export type { RetryPolicy } from "./retries.js";
export type { LiveEvent, StreamOptions } from "./stream.js";
export type { Options, Paths } from "./transport.js";
export { VERSION } from "./version.js";

export type Approval = components["schemas"]["TaskApprovalOut"];

/** The decision about a task. `arguments` are those of its proposal, as the person approved them. */
export interface Decision {
  state: Approval["state"];
  reason: string | null;
  arguments: Record<string, unknown> | null;
  approval: Approval;
}

export interface WaitOptions {
  /** Seconds after which the state is `waiting`. */
  timeout?: number;
  /** Called with the seconds so far, each time that the desk says that the task still waits. */
  onWait?: (seconds: number) => void;
  signal?: AbortSignal;
}

// The longest that a desk waits before it answers, in seconds.
const WAIT_SECONDS = 25;
// Behind gateways that answer at once, so that waiting is not asking all the time.
const LEAST_PAUSE = 2_000;

/**
 * A desk under one token, which is sent to it and nowhere else. `api` has its operations, by method and path.
 *
 * Without a token (null), `url` is a server of your own that adds one to what it passes on to the desk.
 */
export class Desk {
  readonly #transport: Transport;

  constructor(url: string, token: string | null, options: Options = {}) {
    this.#transport = new Transport(url, token, options);
  }

  /** Open the desk at FLUXDEN_URL with the token in FLUXDEN_TOKEN. */
  static fromEnvironment(options: Options = {}): Desk {
    const { FLUXDEN_URL: url, FLUXDEN_TOKEN: token } = process.env;
    if (!url || !token) {
      throw new SettingsError("Set FLUXDEN_URL to the address of the desk, and FLUXDEN_TOKEN to a token of it.");
    }
    return new Desk(url, token, options);
  }

  get url(): string {
    return this.#transport.url;
  }

  get api(): Client<Paths> {
    return this.#transport.api;
  }

  /** Return the live events of the key's owner. They don't end, unless `signal` ends them. */
  liveEvents(options: StreamOptions = {}): AsyncGenerator<LiveEvent> {
    return liveEvents(this.#transport, options);
  }

  /** Wait until a task is approved, rejected or expired, with an API key of its owner. */
  async waitForDecision(taskId: string, options: WaitOptions = {}): Promise<Decision> {
    const started = Date.now();
    const signal = options.signal ?? null;
    while (true) {
      const asked = Date.now();
      const left = options.timeout === undefined ? WAIT_SECONDS : options.timeout - (asked - started) / 1000;
      const waitSeconds = Math.max(0, Math.min(WAIT_SECONDS, Math.floor(left)));
      const { data } = await result(
        this.api.GET("/api/v2/queue/{id}/approval", { params: { path: { id: taskId }, query: { waitSeconds } }, signal }),
      );
      const past = (Date.now() - started) / 1000;
      if (data.state !== "waiting" || (options.timeout !== undefined && past >= options.timeout)) {
        return decisionOf(data);
      }
      options.onWait?.(past);
      const rest = options.timeout === undefined ? Infinity : (options.timeout - past) * 1000;
      const pause = Math.min(LEAST_PAUSE - (Date.now() - asked), rest);
      if (pause > 0) await this.#transport.sleep(pause, options.signal);
    }
  }
}

/** Return what an operation of `api` answers. Refusals are thrown. */
export async function result<T>(reply: Promise<{ data?: T }>): Promise<NonNullable<T>> {
  return (await reply).data as NonNullable<T>;
}

function decisionOf(approval: Approval): Decision {
  const metadata: unknown = approval.task?.metadata ? JSON.parse(approval.task.metadata) : {};
  const { proposal } = metadata as { proposal?: { arguments?: Record<string, unknown> } };
  return {
    state: approval.state,
    reason: approval.decision?.reason ?? null,
    arguments: proposal?.arguments ?? null,
    approval,
  };
}
