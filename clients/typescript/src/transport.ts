/** Requests to a desk: with the token, repeated where that is safe, and with typed errors. */

import createClient, { type Client, type Middleware } from "openapi-fetch";

import { ConnectionFailedError, errorOf, SettingsError } from "./errors.js";
import { keyed as keyedV1, type paths as V1 } from "./generated/v1.js";
import { keyed as keyedV2, type paths as V2 } from "./generated/v2.js";
import { DEFAULT_POLICY, type RetryPolicy, waitAfterFailure, waitAfterStatus } from "./retries.js";

export type Paths = V1 & V2;
export type Sleep = (milliseconds: number, signal?: AbortSignal) => Promise<void>;

export interface Options {
  policy?: Partial<RetryPolicy>;
  /** Milliseconds until a reply counts as lost. */
  timeout?: number;
  fetch?: typeof fetch;
  sleep?: Sleep;
}

const REPEATABLE = new Set(["GET", "HEAD", "PUT", "DELETE"]);
const KEY = "Idempotency-Key";
// Failures before anything was sent, as Node.js names them.
const NOT_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "UND_ERR_CONNECT_TIMEOUT"]);

/** One desk under one token. */
export class Transport {
  readonly url: string;
  readonly policy: RetryPolicy;
  readonly sleep: Sleep;
  readonly api: Client<Paths>;
  readonly #token: string | null;
  readonly #fetch: typeof fetch;
  readonly #timeout: number;

  constructor(url: string, token: string | null, options: Options = {}) {
    this.url = checkedUrl(url);
    this.#token = token === null ? null : checkedToken(token);
    this.policy = { ...DEFAULT_POLICY, ...options.policy };
    this.sleep = options.sleep ?? sleep;
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#timeout = options.timeout ?? 60_000;
    // A redirect would carry the request to where nobody sent it.
    this.api = createClient<Paths>({ baseUrl: this.url, redirect: "manual", fetch: (each) => this.#send(each) });
    this.api.use(this.#middleware());
  }

  /** Open an event stream once. `signal` ends it. */
  async openStream(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    let response: Response;
    try {
      response = await this.#fetch(this.url + path, {
        headers: { ...headers, ...this.#authorization(), Accept: "text/event-stream" },
        redirect: "manual",
        signal,
      });
    } catch (error) {
      throw new ConnectionFailedError(`No reply of ${this.url}: ${reasonOf(error)}`, { cause: error });
    }
    if (!response.ok) throw await errorOf(response);
    return response;
  }

  #authorization(): Record<string, string> {
    return this.#token === null ? {} : { Authorization: `Bearer ${this.#token}` };
  }

  #middleware(): Middleware {
    return {
      onRequest: ({ request, schemaPath }) => {
        for (const [name, value] of Object.entries(this.#authorization())) request.headers.set(name, value);
        const name = `${request.method} ${schemaPath}`;
        if ((keyedV1.has(name) || keyedV2.has(name)) && !request.headers.has(KEY)) {
          request.headers.set(KEY, crypto.randomUUID());
        }
        return request;
      },
      onResponse: async ({ response }) => {
        if (!response.ok) throw await errorOf(response);
      },
    };
  }

  /** Send a request, and again where that is safe. Every time has the same idempotency key. */
  async #send(request: Request): Promise<Response> {
    const isRepeatable = REPEATABLE.has(request.method) || request.headers.has(KEY);
    for (let attempt = 1; ; attempt++) {
      let milliseconds: number | null;
      try {
        const signal = AbortSignal.any([request.signal, AbortSignal.timeout(this.#timeout)]);
        const response = await this.#fetch(request.clone(), { signal });
        milliseconds = waitAfterStatus(this.policy, attempt, response.status, response.headers, isRepeatable);
        if (milliseconds === null) return await whole(response);
        await response.body?.cancel();
      } catch (error) {
        request.signal.throwIfAborted();
        milliseconds = waitAfterFailure(this.policy, attempt, wasSent(error), isRepeatable);
        if (milliseconds === null) {
          throw new ConnectionFailedError(`No reply of ${this.url}: ${reasonOf(error)}`, { cause: error });
        }
      }
      await this.sleep(milliseconds, request.signal);
    }
  }
}

/** Read the body here, so that a reply that breaks off is repeated like one that never came. */
async function whole(response: Response): Promise<Response> {
  const hasBody = response.body !== null && response.status !== 204;
  const content = await response.arrayBuffer();
  return new Response(hasBody ? content : null, response);
}

/** Wait; a signal ends the wait with its reason. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

function checkedUrl(url: string): string {
  let parts: URL;
  try {
    parts = new URL(url);
  } catch {
    throw new SettingsError("The URL of the desk must look like https://desk.example.com.");
  }
  if (!["http:", "https:"].includes(parts.protocol) || parts.search || parts.hash) {
    throw new SettingsError("The URL of the desk must look like https://desk.example.com.");
  }
  if (parts.username || parts.password) {
    throw new SettingsError("The URL of the desk must not contain a name or a password.");
  }
  return url.replace(/\/+$/, "");
}

function checkedToken(token: string): string {
  const made = token.trim();
  if (!/^[\x21-\x7e]+$/.test(made)) {
    throw new SettingsError("The token is empty, or has characters that no token has. Check that you copied it whole.");
  }
  return made;
}

function causeOf(error: unknown): { code?: string; message?: string } {
  const cause = error instanceof Error ? error.cause : undefined;
  return (typeof cause === "object" && cause !== null ? cause : {}) as { code?: string; message?: string };
}

function wasSent(error: unknown): boolean {
  return !NOT_SENT.has(causeOf(error).code ?? "");
}

function reasonOf(error: unknown): string {
  return causeOf(error).message || causeOf(error).code || (error instanceof Error ? error.message : String(error));
}
