/** When a request is sent again, and how long after. */

// The desk, or what stands before it, could not answer. The request may have had its effect.
const NO_ANSWER = new Set([502, 503, 504]);
const FIRST_WAIT = 500;
const LONGEST_BACKOFF = 8_000;

export interface RetryPolicy {
  /** How often a request is sent at most. */
  attempts: number;
  /** The longest wait, in milliseconds. A desk that asks for more is not asked again: its refusal is thrown at once. */
  longestWait: number;
  /** A random number from 0 to 1, which spreads the waits of many clients. */
  jitter: () => number;
}

export const DEFAULT_POLICY: RetryPolicy = { attempts: 5, longestWait: 60_000, jitter: Math.random };

/**
 * Return the milliseconds to wait before a request that was answered is sent again, or null if it must not be.
 *
 * 429 comes before any effect, so every request can be repeated. After 502, 503 and 504 only what is repeatable: reads,
 * and what has an idempotency key. 409 with `Retry-After` answers a repetition while the first request is in progress.
 */
export function waitAfterStatus(
  policy: RetryPolicy,
  attempt: number,
  status: number,
  headers: Headers,
  isRepeatable: boolean,
  now = Date.now(),
): number | null {
  const canRepeat =
    status === 429 ||
    (isRepeatable && NO_ANSWER.has(status)) ||
    (isRepeatable && status === 409 && headers.has("retry-after"));
  return canRepeat ? wait(policy, attempt, askedFor(headers, now)) : null;
}

/** Return the milliseconds to wait after a failed connection, or null if the request may have had its effect. */
export function waitAfterFailure(
  policy: RetryPolicy,
  attempt: number,
  wasSent: boolean,
  isRepeatable: boolean,
): number | null {
  return isRepeatable || !wasSent ? wait(policy, attempt, null) : null;
}

function wait(policy: RetryPolicy, attempt: number, asked: number | null): number | null {
  if (attempt >= policy.attempts) return null;
  const backoff = Math.min(FIRST_WAIT * 2 ** (attempt - 1), LONGEST_BACKOFF) * (0.5 + policy.jitter() / 2);
  const chosen = asked ?? backoff;
  return chosen <= policy.longestWait ? chosen : null;
}

/** Return what `Retry-After` asks for, or the time until the budget is full again. */
function askedFor(headers: Headers, now: number): number | null {
  const value = headers.get("retry-after")?.trim();
  if (value) {
    if (/^\d+$/.test(value)) return Number(value) * 1000;
    const date = Date.parse(value);
    return Number.isNaN(date) ? null : Math.max(0, date - now);
  }
  const reset = headers.get("x-ratelimit-reset") ?? "";
  const isEmpty = headers.get("x-ratelimit-remaining") === "0" && /^\d+$/.test(reset);
  return isEmpty ? Math.max(0, Number(reset) * 1000 - now) : null;
}
