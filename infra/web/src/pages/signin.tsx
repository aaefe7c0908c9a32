import { t } from "../lib/i18n";
import { signOutReason } from "../lib/session";
import { Field } from "../ui/parts";

/** The sign-in page. */
export function SignIn({ onKey }: { onKey: (key: string) => void }) {
  return (
    <main class="sign-in">
      <form
        class="sign-in-card"
        onSubmit={(event) => {
          event.preventDefault();
          onKey(String(new FormData(event.currentTarget).get("key")).trim());
        }}
      >
        <span class="mark" aria-hidden="true" />
        <h1>{t("signIn.title")}</h1>
        <p class="faint">{t("signIn.note")}</p>
        {signOutReason.value && (
          <p class="error" role="alert">
            {signOutReason.value}
          </p>
        )}
        <Field label={t("signIn.key")} hint={t("signIn.hint")}>
          <input
            name="key"
            type="password"
            required
            autoFocus
            autocomplete="current-password"
            spellcheck={false}
            placeholder="dvd_…"
          />
        </Field>
        <button type="submit" class="button button-primary button-wide">
          {t("signIn.submit")}
        </button>
      </form>
    </main>
  );
}
