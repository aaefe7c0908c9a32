import { ApiError, data } from "./api";
import { t } from "./i18n";
import { replacingAccess } from "./session";

interface Options {
  publicKey: unknown;
}

/** An authenticator gave no answer. The message is for the person. */
export class NoAnswer extends ApiError {
  constructor(
    readonly reason: "stopped" | "known" | "unusable",
    override readonly cause: unknown,
  ) {
    super(t(`passkey.failed.${reason}`), 0);
  }
}

/** Whether the page's address can have passkeys. Browsers have none for IP addresses. */
export const canHavePasskeys = (): boolean => !/^[\d.]+$|:/.test(location.hostname);

/** Whether this browser has passkeys for this page. */
export const hasPasskeys = (): boolean =>
  canHavePasskeys() && "PublicKeyCredential" in window && "parseRequestOptionsFromJSON" in PublicKeyCredential;

/** Have the authenticator of this browser create a passkey. */
export async function createPasskey(): Promise<unknown> {
  const { publicKey } = await data<Options>("POST", "api/v2/me/passkeys/options");
  const options = PublicKeyCredential.parseCreationOptionsFromJSON(
    publicKey as PublicKeyCredentialCreationOptionsJSON,
  );
  return answerOf(() => navigator.credentials.create({ publicKey: options }));
}

// A browser answers one request at a time, also while it only offers passkeys in a field.
let offer = new AbortController();

/** Sign in with a passkey that the person chooses now. */
export async function signInWithPasskey(): Promise<void> {
  endOffer();
  await signIn({});
}

/** Let the browser offer passkeys in a field, and sign in with the one that is chosen. Returns whether one was. */
export async function offerPasskeys(): Promise<boolean> {
  const { signal } = (offer = new AbortController());
  const canOffer = hasPasskeys() && (await PublicKeyCredential.isConditionalMediationAvailable?.());
  if (!canOffer || signal.aborted) return false;
  await signIn({ mediation: "conditional", signal });
  return true;
}

export function endOffer(): void {
  offer.abort();
}

async function signIn(how: CredentialRequestOptions): Promise<void> {
  const { publicKey } = await data<Options>("POST", "api/v2/sessions/passkey-options");
  const options = PublicKeyCredential.parseRequestOptionsFromJSON(publicKey as PublicKeyCredentialRequestOptionsJSON);
  const credential = await answerOf(() => navigator.credentials.get({ ...how, publicKey: options }));
  await replacingAccess(() => data("POST", "api/v2/sessions/passkey", { credential }));
}

async function answerOf(ask: () => Promise<Credential | null>): Promise<unknown> {
  try {
    return ((await ask()) as PublicKeyCredential).toJSON();
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    const reasons = { NotAllowedError: "stopped", AbortError: "stopped", InvalidStateError: "known" } as const;
    throw new NoAnswer(reasons[name as keyof typeof reasons] ?? "unusable", error);
  }
}
