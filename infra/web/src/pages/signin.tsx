import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError, data } from "../lib/api";
import { t } from "../lib/i18n";
import { endOffer, hasPasskeys, offerPasskeys, signInWithPasskey } from "../lib/passkeys";
import { leaveForProvider, signOutReason } from "../lib/session";
import { Icon } from "../ui/icons";
import { LanguageSelect } from "../ui/language";
import { Field } from "../ui/parts";

// Stays as it is while a key is tried.
const usesKey = signal(false);

interface Provider {
  id: string;
  name: string;
}

const providers = signal<Provider[]>([]);

const ERRORS = [
  "unknown-provider",
  "stopped",
  "expired",
  "unreachable",
  "invalid",
  "unverified",
  "domain",
  "no-account",
  "inactive",
  "other-account",
  "busy",
] as const;

/** Say why a provider signed nobody in, and what to do. */
export function providerError(code: string): string {
  const known = ERRORS.find((each) => each === code) ?? "invalid";
  return t(`signIn.failed.${known}`);
}

interface Props {
  onKey: (key: string) => void;
  /** The browser has a session now. */
  onSession: () => void;
}

/** The sign-in page. */
export function SignIn({ onKey, onSession }: Props) {
  const asking = useSignal(false);
  useEffect(() => {
    // Without providers, or when they can't be listed, there are links and keys.
    data<Provider[]>("GET", "api/v2/sign-in").then((found) => (providers.value = found)).catch(() => {});
  }, []);
  useOfferedPasskeys(usesKey.value && !asking.value, onSession);
  const usePasskey = async (): Promise<void> => {
    asking.value = true;
    try {
      await signInWithPasskey();
      onSession();
    } catch (error) {
      signOutReason.value = error instanceof ApiError ? error.message : t("error.unexpected");
    }
    asking.value = false;
  };
  const hasProviders = providers.value.length > 0;
  return (
    <main class="sign-in">
      <div class="sign-in-card">
        <span class="mark" aria-hidden="true" />
        <h1>{t("signIn.title")}</h1>
        <p class="faint">{t("signIn.note")}</p>
        {signOutReason.value && (
          <p class="error" role="alert">
            {signOutReason.value}
          </p>
        )}
        {providers.value.map((each) => (
          <button
            type="button"
            key={each.id}
            class="button button-primary button-wide"
            onClick={() => leaveForProvider(each.id)}
          >
            {t("signIn.with", { name: each.name })}
          </button>
        ))}
        {hasPasskeys() && (
          <button
            type="button"
            class={`button button-wide ${hasProviders ? "" : "button-primary"}`}
            disabled={asking.value}
            onClick={() => void usePasskey()}
          >
            <Icon name="passkey" /> {t("signIn.passkey")}
          </button>
        )}
        <p class={hasProviders || hasPasskeys() ? "faint" : ""}>{t(linkText(hasProviders))}</p>
        <details class="sign-in-key" open={usesKey.value} onToggle={(event) => (usesKey.value = event.currentTarget.open)}>
          <summary>{t("signIn.useKey")}</summary>
          <KeyForm onKey={onKey} />
        </details>
        <LanguageSelect />
      </div>
    </main>
  );
}

function KeyForm({ onKey }: { onKey: (key: string) => void }) {
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onKey(String(new FormData(event.currentTarget).get("key")).trim());
      }}
    >
      <Field label={t("signIn.key")} hint={t("signIn.hint")}>
        <input
          name="key"
          type="password"
          required
          autocomplete="current-password webauthn"
          spellcheck={false}
          placeholder="dvd_…"
        />
      </Field>
      <button type="submit" class="button button-primary button-wide">
        {t("signIn.submit")}
      </button>
    </form>
  );
}

/** Let the browser offer passkeys in the field of the form, while it is open. */
function useOfferedPasskeys(isOpen: boolean, onSession: () => void): void {
  useEffect(() => {
    if (!isOpen) return;
    offerPasskeys().then(
      (isSignedIn) => isSignedIn && onSession(),
      (error: unknown) => {
        // What the browser offers is an extra. Only what the desk says of a chosen passkey is shown.
        if (error instanceof ApiError && error.status === 401) signOutReason.value = error.message;
      },
    );
    return endOffer;
  }, [isOpen]);
}

function linkText(hasProviders: boolean): "signIn.orLink" | "signIn.orLinkPasskey" | "signIn.link" {
  if (hasProviders) return "signIn.orLink";
  return hasPasskeys() ? "signIn.orLinkPasskey" : "signIn.link";
}
