import { t } from "./i18n";
import { accessNumber, key, type Me, me, signOut } from "./session";

/** An error whose message is shown to the user. `status` is 0 when there was no HTTP response. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly requestId: string | null = null,
    /** The seconds after which the server wants to be asked again. */
    readonly retryAfter: number | null = null,
    /** What the server said, in English. */
    readonly detail: string = message,
  ) {
    super(message);
  }

  /** Whether the same request may succeed in a while: there was no response, the rate limit, or a failing server. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

type Method = "GET" | "POST" | "PATCH" | "DELETE" | "PUT";

const TIMEOUT = 30_000;
// Pages of other sites can't set it, so the server knows that the session is used by this page.
const CLIENT = "X-Fluxden-Client";

/**
 * Call the API and return the parsed body.
 *
 * A change carries an idempotency key, so a call without a response is safely retried once. `withKey` is the key of this
 * tab, unless given. Without a key the browser sends its session. With `keepalive` the request outlives the page.
 */
export async function call<T>(
  method: Method,
  path: string,
  body?: unknown,
  options: Options = {},
): Promise<T> {
  return parseJson((await request(method, path, body, options)).text) as T;
}

interface Options {
  withKey?: string;
  keepalive?: boolean;
}

async function request(
  method: Method,
  path: string,
  body?: unknown,
  { withKey = key.value, keepalive = false }: Options = {},
): Promise<{ text: string; response: Response }> {
  const access = accessNumber();
  const headers: Record<string, string> = withKey ? { Authorization: `Bearer ${withKey}` } : { [CLIENT]: "console" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["Idempotency-Key"] = crypto.randomUUID();
  const init = { method, headers, keepalive, body: body === undefined ? undefined : JSON.stringify(body) };
  let response = await send(path, init).catch(() => null);
  if (response === null || response.status === 503) {
    await new Promise((resolve) => setTimeout(resolve, 400));
    response = await send(path, init).catch(() => {
      hasFailed = true;
      throw new ApiError(t("error.offline"), 0);
    });
  }
  const requestId = response.headers.get("X-Request-Id");
  noteTime(response);
  const text = await response.text();
  if (response.ok) {
    noteSuccess();
    return { text, response };
  }
  const isCurrent = key.value === withKey && access === accessNumber();
  if (response.status === 401 && isCurrent && (withKey || me.value)) signOut(t("error.signedOut"));
  const detail = errorDetail(parseJson(text));
  const message = errorMessage(response, detail);
  const error = new ApiError(message, response.status, requestId, retryAfter(response), detail);
  hasFailed ||= error.isTemporary;
  throw error;
}

let hasFailed = false;
const recoveryListeners = new Set<() => void>();

/** Call `listener` when a request succeeds after one has failed temporarily. */
export function onRecovery(listener: () => void): void {
  recoveryListeners.add(listener);
}

function noteSuccess(): void {
  if (!hasFailed) return;
  hasFailed = false;
  for (const each of recoveryListeners) each();
}

function retryAfter(response: Response): number | null {
  return Number(response.headers.get("Retry-After")) || null;
}

let aheadBy = 0;

function noteTime(response: Response): void {
  const time = Date.parse(response.headers.get("Date") ?? "");
  if (time) aheadBy = time - Date.now();
}

/** Return the desk's time. The clock of this machine may be wrong. */
export const serverTime = (): number => Date.now() + aheadBy;

/** Call API v2 and return the `data` of its response. */
export async function data<T>(method: Method, path: string, body?: unknown, options = {}): Promise<T> {
  return (await call<{ data: T }>(method, path, body, options)).data;
}

/** Read JSON lines, and where the next ones begin (`after`); null at the end. */
export async function lines(path: string): Promise<{ text: string; next: string | null }> {
  const { text, response } = await request("GET", path);
  const [, address] = /<([^>]+)>; rel="next"/.exec(response.headers.get("Link") ?? "") ?? [];
  return { text, next: address ? new URL(address, document.baseURI).searchParams.get("after") : null };
}

/** Find out whose key this is, without using it for anything else. */
export async function ownerOf(text: string): Promise<Me> {
  return (await call<{ data: Me }>("GET", "api/v2/me", undefined, { withKey: text })).data;
}

/** Return `path` with the non-empty `params` as its query string. */
export function query(path: string, params: Record<string, string | number | null | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== "") search.set(name, String(value));
  }
  return search.size ? `${path}?${search}` : path;
}

function send(path: string, init: RequestInit): Promise<Response> {
  return fetch(new URL(path, document.baseURI), { ...init, signal: AbortSignal.timeout(TIMEOUT) });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// The server's sentence is English, so other languages say the kind of the error before it.
const KINDS: Record<number, "invalid" | "forbidden" | "notFound" | "conflict" | "tooLarge"> = {
  400: "invalid",
  403: "forbidden",
  404: "notFound",
  409: "conflict",
  413: "tooLarge",
  422: "invalid",
};

function errorDetail(payload: unknown): string | undefined {
  const body = (payload ?? {}) as { detail?: string; error?: string; message?: string };
  return body.detail ?? body.error ?? body.message;
}

function errorMessage(response: Response, detail: string | undefined): string {
  if (response.status === 429) {
    return t("error.rateLimit", { seconds: response.headers.get("Retry-After") ?? "60" });
  }
  if (!detail) return t("error.status", { status: response.status });
  const kind = response.status >= 500 ? "server" : (KINDS[response.status] ?? "refused");
  return t(`error.${kind}`, { detail });
}
