import { t } from "./i18n";
import { key, signOut } from "./session";

/** A refusal or fault, as a sentence for people; `requestId` is what an operator finds it by in the logs. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly requestId: string | null = null,
  ) {
    super(message);
  }
}

type Method = "GET" | "POST" | "PATCH" | "DELETE" | "PUT";

const TIMEOUT = 30_000;

/**
 * One call of the API; resolves to the body's JSON.
 *
 * A change carries an idempotency key, so a call that got no answer is safely made once more.
 */
export async function call<T>(method: Method, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { Authorization: `Bearer ${key.value}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["Idempotency-Key"] = crypto.randomUUID();
  const init = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
  const as = key.value;
  let response = await attempt(path, init).catch(() => null);
  if (response === null || response.status === 503) {
    await new Promise((resolve) => setTimeout(resolve, 400));
    response = await attempt(path, init).catch(() => {
      throw new ApiError(t("error.offline"), 0);
    });
  }
  const requestId = response.headers.get("X-Request-Id");
  const text = await response.text();
  const told = parsed(text);
  if (response.ok) return told as T;
  if (response.status === 401 && key.value === as && as) signOut(t("error.signedOut"));
  throw new ApiError(sentence(response, told), response.status, requestId);
}

/** A call of the second generation of the API, whose answers stand under `data`. */
export async function data<T>(method: Method, path: string, body?: unknown): Promise<T> {
  return (await call<{ data: T }>(method, path, body)).data;
}

/** `path` with those of `params` that say something. */
export function query(path: string, params: Record<string, string | number | null | undefined>): string {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== "") found.set(name, String(value));
  }
  return found.size ? `${path}?${found}` : path;
}

function attempt(path: string, init: RequestInit): Promise<Response> {
  return fetch(new URL(path, document.baseURI), { ...init, signal: AbortSignal.timeout(TIMEOUT) });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function sentence(response: Response, told: unknown): string {
  const body = (told ?? {}) as { detail?: string; error?: string; message?: string };
  if (response.status === 429) {
    return t("error.rateLimit", { seconds: response.headers.get("Retry-After") ?? "60" });
  }
  return body.detail ?? body.error ?? body.message ?? t("error.status", { status: response.status });
}
