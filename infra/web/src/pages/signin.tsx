import { signal } from "@preact/signals";
import { t } from "../lib/i18n";
import { signOutReason } from "../lib/session";
import { Field } from "../ui/parts";

// Stays as it is while a key is tried.
const usesKey = signal(false);

/** The sign-in page. */
export function SignIn({ onKey }: { onKey: (key: string) => void }) {
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
        <p>{t("signIn.link")}</p>
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
