import { signal } from "@preact/signals";
import { ApiError, ownerOf } from "../lib/api";
import { t } from "../lib/i18n";
import { key, me, type Me, replacesAnother } from "../lib/session";
import { Dialog } from "../ui/parts";
import { showError, showToast } from "../ui/toasts";

interface Offer {
  key: string;
  user: Me;
}

/** A sign-in link that would replace another user, and waits for an answer. */
const offer = signal<Offer | null>(null);

/**
 * Check the key of a sign-in link. Returns whether to sign in with it at once. A key of another user than the one who is
 * or was signed in here is offered first, because a link may come from anyone.
 */
export async function acceptsLink(linkKey: string): Promise<boolean> {
  if (linkKey === key.value) return false;
  let user: Me;
  try {
    user = await ownerOf(linkKey);
  } catch (error) {
    if (!me.value) return true; // signing in shows the error
    if (error instanceof ApiError && [401, 403].includes(error.status)) showToast(t("signInLink.refused"));
    else showError(error);
    return false;
  }
  if (!replacesAnother(user)) return true;
  offer.value = { key: linkKey, user };
  return false;
}

/** Ask whether to follow a sign-in link to another user's desk. */
export function SignInLink({ onAccept }: { onAccept: (key: string) => void }) {
  if (!offer.value) return null;
  const { key: linkKey, user } = offer.value;
  const decline = () => {
    offer.value = null;
  };
  return (
    <Dialog title={t("signInLink.title", { name: user.name })} persistent onClose={decline}>
      <p>{t("signInLink.whose", { name: user.name, email: user.email })}</p>
      <p class="note note-warn">
        {me.value ? t("signInLink.current", { name: me.value.name, email: me.value.email }) : t("signInLink.last")}
      </p>
      <div class="row row-end">
        <button type="button" class="button" autoFocus onClick={decline}>
          {me.value ? t("signInLink.stay", { name: me.value.name }) : t("cancel")}
        </button>
        <button type="button" class="button button-destructive" onClick={() => {
            decline();
            onAccept(linkKey);
          }}>
          {t("signInLink.accept", { name: user.name })}
        </button>
      </div>
    </Dialog>
  );
}
