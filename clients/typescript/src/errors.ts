/** What can go wrong: one class for each kind of refusal, in the shape of either version of the API. */

export class FluxdenError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The URL or the token can't be used. The message never contains the token. */
export class SettingsError extends FluxdenError {}

/** The desk could not be reached, or its reply was lost. */
export class ConnectionFailedError extends FluxdenError {}

/** The desk refused the request. */
export class ApiError extends FluxdenError {
  readonly status: number;
  /** The whole reply. */
  readonly body: unknown;
  /** Stable; null in API v2. */
  readonly code: string | null;
  /** The reasons for each field of an invalid request. */
  readonly fields: Record<string, string[]>;
  /** The id of the request in the logs of the desk. */
  readonly requestId: string | null;
  readonly retryAfter: string | null;

  constructor(status: number, body: unknown, headers: Headers) {
    const document = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
    // `error` in API v2; problem details (RFC 9457) in API v1.
    const text = [document.error, document.detail, document.title].find((each) => typeof each === "string" && each);
    super(`${status}: ${text ?? "The desk refused the request."}`);
    this.status = status;
    this.body = body;
    this.code = typeof document.code === "string" ? document.code : null;
    this.fields = (document.fieldErrors as Record<string, string[]> | undefined) ?? {};
    this.requestId = headers.get("x-request-id") ?? (document.requestId as string | undefined) ?? null;
    this.retryAfter = headers.get("retry-after");
  }
}

/** The request is not valid: 400, 413, 415 or 422. */
export class InvalidRequestError extends ApiError {}
/** The token is missing, unknown or revoked: 401. */
export class UnauthorizedError extends ApiError {}
/** The token does not permit this: 403. */
export class ForbiddenError extends ApiError {}
/** It does not exist, or not for this token: 404. */
export class NotFoundError extends ApiError {}
/** The present state does not allow it, or the idempotency key is in use: 409. */
export class ConflictError extends ApiError {}
/** The budget of the minute or the day is used up: 429. */
export class RateLimitedError extends ApiError {}
/** The desk is busy or failed: 500 and above. */
export class UnavailableError extends ApiError {}

const KINDS: Record<number, typeof ApiError> = {
  400: InvalidRequestError,
  401: UnauthorizedError,
  403: ForbiddenError,
  404: NotFoundError,
  409: ConflictError,
  413: InvalidRequestError,
  415: InvalidRequestError,
  422: InvalidRequestError,
  429: RateLimitedError,
};

/** Return the error that a reply stands for. What is between desk and client can answer other things than JSON. */
export async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  let body: unknown = text;
  try {
    body = JSON.parse(text);
  } catch {
    // The text is the body.
  }
  const Kind = KINDS[response.status] ?? (response.status >= 500 ? UnavailableError : ApiError);
  return new Kind(response.status, body, response.headers);
}
