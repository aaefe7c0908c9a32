import { signal } from "@preact/signals";
import { ApiError, data, ownerOf } from "../lib/api";
import { t } from "../lib/i18n";
import { key, type LinkSecret, me, type Me, replacesAnother } from "../lib/session";
import { Dialog } from "../ui/parts";
import { showError, showToast } from "../ui/toasts";

type Person = Pick<Me, "id" | "name" | "email">;

interface Offer {
  secret: LinkSecret;
  person: Person;
}

/** A sign-in link that would replace another user, and waits for an answer. */
const offer = signal<Offer | null>(null);

/**
 * Check the secret of a sign-in link. Returns whether to sign in with it at once. The link of another user than the one
 * who is or was signed in here is offered first, because a link may come from anyone.
 */
export async function acceptsLink(secret: LinkSecret): Promise<boolean> {
  if (secret.kind === "key" && secret.text === key.value) return false;
  let person: Person;
  try {
    person = await personOf(secret);
  } catch (error) {
    if (!me.value) return true; // signing in shows the error
    if (error instanceof ApiError && [401, 403].includes(error.status)) showToast(t("signInLink.refused"));
    else showError(error);
    return false;
  }
  if (person.id === me.value?.id && secret.kind === "code") return false;
  if (!replacesAnother(person)) return true;
  offer.value = { secret, person };
  return false;
}

async function personOf({ kind, text }: LinkSecret): Promise<Person> {
  if (kind === "key") return ownerOf(text);
  return (await data<{ person: Person }>("POST", "api/v2/sessions", { code: text, preview: true })).person;
}

/** Ask whether to follow a sign-in link to another user's desk. */
export function SignInLink({ onAccept }: { onAccept: (secret: LinkSecret) => void }) {
  if (!offer.value) return null;
  const { secret, person } = offer.value;
  const decline = () => {
    offer.value = null;
  };
  return (
    <Dialog title={t("signInLink.title", { name: person.name })} persistent onClose={decline}>
      <p>{t(secret.kind === "key" ? "signInLink.whose" : "signInLink.whom", { name: person.name, email: person.email })}</p>
      <p class="note note-warn">
        {me.value ? t("signInLink.current", { name: me.value.name, email: me.value.email }) : t("signInLink.last")}
      </p>
      <div class="row row-end">
        <button type="button" class="button" autoFocus onClick={decline}>
          {me.value ? t("signInLink.stay", { name: me.value.name }) : t("cancel")}
        </button>
        <button type="button" class="button button-destructive" onClick={() => {
            decline();
            onAccept(secret);
          }}>
          {t("signInLink.accept", { name: person.name })}
        </button>
      </div>
    </Dialog>
  );
}
