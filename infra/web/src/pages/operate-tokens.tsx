import { useSignal } from "@preact/signals";
import { data } from "../lib/api";
import { named, t } from "../lib/i18n";
import { me } from "../lib/session";
import { FormDialog, SureButton } from "../ui/form";
import { Icon } from "../ui/icons";
import { Chip, Dialog, Empty, Field, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { Show } from "../ui/show";
import { complain, say } from "../ui/toasts";

export interface Integrator {
  id: string;
  slug: string;
  name: string;
  allowedEventPrefix: string;
  homepageUrl: string | null;
  description: string | null;
  createdAt: string;
  archivedAt: string | null;
}

interface Token {
  id: string;
  integrator: string;
  ownerEmail: string | null;
  admin: boolean;
  status: "active" | "disabled" | "revoked";
  dailyLimit: number;
  createdAt: string;
  lastUsedAt: string | null;
  useCount: number;
  priorUntil: string | null;
}

interface Secret {
  id: string;
  token: string;
  priorUntil: string | null;
}

const INTEGRATORS = "api/v2/operate/integrators";
const TOKENS = "api/v2/operate/tools-tokens";

export function Integrators() {
  const read = useResource(() => data<Integrator[]>("GET", INTEGRATORS));
  const editing = useSignal<Integrator | "new" | null>(null);
  return (
    <>
      <div class="row row-end">
        <button type="button" class="button button-primary" onClick={() => (editing.value = "new")}>
          <Icon name="plus" size={16} /> {t("operate.newIntegrator")}
        </button>
      </div>
      <Show of={read}>
        {(found) =>
          found.length === 0 ? (
            <Empty icon="operate" text={t("operate.noIntegrators")} />
          ) : (
            <ul class="rows">
              {found.map((each) => (
                <li class="row-card" key={each.id}>
                  <div class="row-main">
                    <p>
                      <b>{each.name}</b> <span class="mono faint">{each.allowedEventPrefix}*</span>
                    </p>
                    <p class="faint">
                      {each.description ?? each.homepageUrl ?? t("operate.since")} <Time at={each.createdAt} />
                    </p>
                  </div>
                  {each.archivedAt && <Chip>{named("view", "archived")}</Chip>}
                  <button type="button" class="button" onClick={() => (editing.value = each)}>
                    {t("edit")}
                  </button>
                </li>
              ))}
            </ul>
          )
        }
      </Show>
      {editing.value && (
        <EditIntegrator
          integrator={editing.value === "new" ? null : editing.value}
          onClose={() => (editing.value = null)}
          onSaved={() => {
            editing.value = null;
            void read.reload();
          }}
        />
      )}
    </>
  );
}

function EditIntegrator({ integrator, onClose, onSaved }: { integrator: Integrator | null; onClose: () => void; onSaved: () => void }) {
  return (
    <FormDialog
      title={integrator?.name ?? t("operate.newIntegrator")}
      action={t("save")}
      onClose={onClose}
      onSend={async (given) => {
        const told = {
          name: given("name"),
          homepageUrl: given("homepageUrl") || null,
          description: given("description") || null,
        };
        if (integrator) await data("PATCH", `${INTEGRATORS}/${integrator.slug}`, told);
        else await data("POST", INTEGRATORS, { ...told, slug: given("slug"), eventPrefix: given("eventPrefix") });
        onSaved();
      }}
    >
      {!integrator && (
        <>
          <Field label={t("operate.slug")}>
            <input name="slug" required maxLength={60} autoFocus autocomplete="off" />
          </Field>
          <Field label={t("operate.prefix")} hint={t("operate.prefixHint")}>
            <input name="eventPrefix" required maxLength={60} placeholder="ci." autocomplete="off" />
          </Field>
        </>
      )}
      <Field label={t("contacts.name")}>
        <input name="name" required defaultValue={integrator?.name ?? ""} />
      </Field>
      <Field label={t("operate.homepage")}>
        <input name="homepageUrl" inputMode="url" placeholder="https://" defaultValue={integrator?.homepageUrl ?? ""} />
      </Field>
      <Field label={t("board.description")}>
        <textarea name="description" rows={3} defaultValue={integrator?.description ?? ""} />
      </Field>
    </FormDialog>
  );
}

export function Tokens() {
  const read = useResource(async () => {
    const [tokens, integrators] = await Promise.all([
      data<Token[]>("GET", TOKENS),
      data<Integrator[]>("GET", INTEGRATORS),
    ]);
    return { tokens, integrators };
  });
  const making = useSignal(false);
  const secret = useSignal<Secret | null>(null);
  const act = async (work: () => Promise<unknown>) => {
    try {
      await work();
      await read.reload();
    } catch (fault) {
      complain(fault);
    }
  };
  return (
    <>
      <div class="row row-end">
        <button type="button" class="button button-primary" onClick={() => (making.value = true)}>
          <Icon name="plus" size={16} /> {t("operate.newToken")}
        </button>
      </div>
      <Show of={read}>
        {({ tokens, integrators }) => (
          <>
            {tokens.length === 0 && <Empty icon="operate" text={t("operate.noTokens")} />}
            <ul class="rows">
              {tokens.map((each) => (
                <li class="row-card" key={each.id}>
                  <div class="row-main">
                    <p>
                      <b>{each.integrator}</b> {each.admin && <Chip kind="chip-warn">{t("operate.admin")}</Chip>}{" "}
                      <Chip kind={each.status === "active" ? "chip-success" : ""}>{named("token", each.status)}</Chip>
                    </p>
                    <p class="faint">
                      {each.ownerEmail} · {t("operate.used", { n: each.useCount })}
                      {each.lastUsedAt && (
                        <>
                          {" · "}
                          <Time at={each.lastUsedAt} />
                        </>
                      )}
                      {each.priorUntil && (
                        <>
                          {" · "}
                          {t("operate.priorUntil")} <Time at={each.priorUntil} />
                        </>
                      )}
                    </p>
                    <p class="faint mono">{each.id}</p>
                  </div>
                  {each.status === "active" && (
                    <div class="task-actions">
                      <button
                        type="button"
                        class="button"
                        onClick={() =>
                          void act(async () => (secret.value = await data<Secret>("POST", `${TOKENS}/${each.id}/rotate`, {})))
                        }
                      >
                        {t("operate.rotate")}
                      </button>
                      <SureButton
                        label={t("operate.revoke")}
                        sure={t("operate.revokeSure")}
                        onSure={() => act(() => data("DELETE", `${TOKENS}/${each.id}`))}
                      />
                    </div>
                  )}
                </li>
              ))}
            </ul>
            {making.value && (
              <FormDialog
                title={t("operate.newToken")}
                action={t("operate.issue")}
                onClose={() => (making.value = false)}
                onSend={async (given, form) => {
                  const body = { integrator: given("integrator"), owner: given("owner"), admin: form.has("admin") };
                  secret.value = await data<Secret>("POST", TOKENS, body);
                  making.value = false;
                  await read.reload();
                }}
              >
                <Field label={t("operate.integrator")}>
                  <select name="integrator">
                    {integrators
                      .filter((each) => !each.archivedAt)
                      .map((each) => (
                        <option value={each.slug} key={each.slug}>
                          {each.name}
                        </option>
                      ))}
                  </select>
                </Field>
                <Field label={t("operate.owner")} hint={t("operate.ownerHint")}>
                  <input name="owner" type="email" required defaultValue={me.value?.email} />
                </Field>
                <label class="check">
                  <input type="checkbox" name="admin" /> {t("operate.adminHint")}
                </label>
              </FormDialog>
            )}
          </>
        )}
      </Show>
      {secret.value && <ShowSecret secret={secret.value} onClose={() => (secret.value = null)} />}
    </>
  );
}

/** The one time that a secret can be seen. */
function ShowSecret({ secret, onClose }: { secret: Secret; onClose: () => void }) {
  return (
    <Dialog title={t("operate.secret")} onClose={onClose} wide>
      <p>{t("operate.secretOnce")}</p>
      <Field label={t("operate.token")}>
        <input class="mono" readOnly value={secret.token} onFocus={(event) => event.currentTarget.select()} />
      </Field>
      {secret.priorUntil && (
        <p class="faint">
          {t("operate.priorUntil")} <Time at={secret.priorUntil} />
        </p>
      )}
      <div class="row row-end">
        <button
          type="button"
          class="button"
          onClick={() => navigator.clipboard.writeText(secret.token).then(() => say(t("operate.copied")), complain)}
        >
          {t("operate.copy")}
        </button>
        <button type="button" class="button button-primary" onClick={onClose}>
          {t("operate.kept")}
        </button>
      </div>
    </Dialog>
  );
}
