import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { data } from "../lib/api";
import { t } from "../lib/i18n";
import { leaveForProvider, signOutReason } from "../lib/session";
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

/** The sign-in page. */
export function SignIn({ onKey }: { onKey: (key: string) => void }) {
  useEffect(() => {
    // Without providers, or when they can't be listed, there are links and keys.
    data<Provider[]>("GET", "api/v2/sign-in").then((found) => (providers.value = found)).catch(() => {});
  }, []);
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
        <p class={providers.value.length ? "faint" : ""}>
          {t(providers.value.length ? "signIn.orLink" : "signIn.link")}
        </p>
        <details class="sign-in-key" open={usesKey.value} onToggle={(event) => (usesKey.value = event.currentTarget.open)}>
          <summary>{t("signIn.useKey")}</summary>
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
                autocomplete="current-password"
                spellcheck={false}
                placeholder="dvd_…"
              />
            </Field>
            <button type="submit" class="button button-primary button-wide">
              {t("signIn.submit")}
            </button>
          </form>
        </details>
      </div>
    </main>
  );
}
