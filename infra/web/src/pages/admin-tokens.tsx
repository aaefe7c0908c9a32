import { useSignal } from "@preact/signals";
import { data } from "../lib/api";
import { valueLabel, t } from "../lib/i18n";
import { me } from "../lib/session";
import { FormDialog, ConfirmButton } from "../ui/form";
import { Chip, Field, Time } from "../ui/parts";
import { type Resource, useResource } from "../ui/resource";
import { ResourceSelect, EditableRows, NewButton, Rows } from "../ui/rows";
import { SecretDialog } from "../ui/secret";
import { EventTypesDialog } from "./admin-event-types";
import { FirstEvent } from "./admin-first-event";

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

/** A secret, and the integrator that publishes with it. */
interface IssuedSecret extends Secret {
  integrator: string;
}

const INTEGRATORS = "api/v2/operate/integrators";
const TOKENS = "api/v2/operate/tools-tokens";

export function Integrators() {
  const resource = useResource(() => data<Integrator[]>("GET", INTEGRATORS));
  const typesOf = useSignal<string | null>(null);
  return (
    <>
      <EditableRows
        resource={resource}
        icon="operate"
        emptyText={t("admin.noIntegrators")}
        add={t("admin.newIntegrator")}
        dialog={(integrator, onClose, onSaved) => (
          <EditIntegrator integrator={integrator} onClose={onClose} onSaved={onSaved} />
        )}
      >
        {(each, edit) => (
          <>
            <div class="row-main">
              <p>
                <b>{each.name}</b> <span class="mono faint">{each.allowedEventPrefix}*</span>
              </p>
              <p class="faint">
                {each.description ?? each.homepageUrl ?? t("admin.since")} <Time at={each.createdAt} />
              </p>
            </div>
            {each.archivedAt && <Chip>{valueLabel("view", "archived")}</Chip>}
            {!each.archivedAt && (
              <button type="button" class="button" onClick={() => (typesOf.value = each.slug)}>
                {t("admin.types")}
              </button>
            )}
            <button type="button" class="button" onClick={edit}>
              {t("edit")}
            </button>
          </>
        )}
      </EditableRows>
      {typesOf.value && <EventTypesDialog integrator={typesOf.value} onClose={() => (typesOf.value = null)} />}
    </>
  );
}

function EditIntegrator({
  integrator,
  onClose,
  onSaved,
}: {
  integrator: Integrator | null;
  onClose: () => void;
  onSaved: () => void;
}) {
  return (
    <FormDialog
      title={integrator?.name ?? t("admin.newIntegrator")}
      draft={`integrator.${integrator?.slug ?? "new"}`}
      action={t("save")}
      onClose={onClose}
      onSend={async (field) => {
        const body = {
          name: field("name"),
          homepageUrl: field("homepageUrl") || null,
          description: field("description") || null,
        };
        if (integrator) await data("PATCH", `${INTEGRATORS}/${integrator.slug}`, body);
        else await data("POST", INTEGRATORS, { ...body, slug: field("slug"), eventPrefix: field("eventPrefix") });
        onSaved();
      }}
    >
      {!integrator && (
        <>
          <Field label={t("admin.slug")}>
            <input name="slug" required maxLength={60} autoFocus autocomplete="off" />
          </Field>
          <Field label={t("admin.prefix")} hint={t("admin.prefixHint")}>
            <input name="eventPrefix" required maxLength={60} placeholder="ci." autocomplete="off" />
          </Field>
        </>
      )}
      <Field label={t("name")}>
        <input name="name" required defaultValue={integrator?.name ?? ""} />
      </Field>
      <Field label={t("admin.url")}>
        <input name="homepageUrl" inputMode="url" placeholder="https://" defaultValue={integrator?.homepageUrl ?? ""} />
      </Field>
      <Field label={t("board.description")}>
        <textarea name="description" rows={3} defaultValue={integrator?.description ?? ""} />
      </Field>
    </FormDialog>
  );
}

export function Tokens() {
  const resource = useResource(() => data<Token[]>("GET", TOKENS));
  const creating = useSignal(false);
  const secret = useSignal<IssuedSecret | null>(null);
  const integrators = useResource(async () =>
    (await data<Integrator[]>("GET", INTEGRATORS)).filter((each) => !each.archivedAt),
  );
  const known = integrators.state.value.status === "ready" ? integrators.state.value.value : [];
  const prefix = known.find((each) => each.slug === secret.value?.integrator)?.allowedEventPrefix;
  const rotate = ({ id, integrator }: Token) =>
    resource.mutate(async () => {
      secret.value = { ...(await data<Secret>("POST", `${TOKENS}/${id}/rotate`, {})), integrator };
    });
  return (
    <>
      <NewButton label={t("admin.newToken")} onClick={() => (creating.value = true)} />
      <Rows resource={resource} icon="operate" emptyText={t("admin.noTokens")}>
        {(each) => (
          <>
            <div class="row-main">
              <p>
                <b>{each.integrator}</b> {each.admin && <Chip kind="chip-warn">{t("admin.admin")}</Chip>}{" "}
                <Chip kind={each.status === "active" ? "chip-success" : ""}>{valueLabel("token", each.status)}</Chip>
              </p>
              <p class="faint">
                {each.ownerEmail} · {each.useCount ? t("admin.used", { n: each.useCount }) : t("key.neverUsed")}
                {each.lastUsedAt && (
                  <>
                    {" · "}
                    <Time at={each.lastUsedAt} />
                  </>
                )}
                {each.priorUntil && (
                  <>
                    {" · "}
                    {t("admin.priorUntil")} <Time at={each.priorUntil} />
                  </>
                )}
              </p>
              <p class="faint mono">{each.id}</p>
            </div>
            {each.status === "active" && (
              <div class="task-actions">
                <button type="button" class="button" onClick={() => void rotate(each)}>
                  {t("admin.rotate")}
                </button>
                <ConfirmButton
                  label={t("admin.revoke")}
                  confirmLabel={t("admin.revokeConfirm")}
                  onConfirm={() => resource.mutate(() => data("DELETE", `${TOKENS}/${each.id}`))}
                />
              </div>
            )}
          </>
        )}
      </Rows>
      {creating.value && (
        <NewTokenDialog
          integrators={integrators}
          onClose={() => (creating.value = false)}
          onCreated={(created) => {
            creating.value = false;
            secret.value = created;
            void resource.reload();
          }}
        />
      )}
      {secret.value && (
        <SecretDialog
          title={t("admin.tokenCreated")}
          note={t("admin.tokenOnce")}
          label={t("admin.token")}
          secret={secret.value.token}
          onClose={() => (secret.value = null)}
        >
          {secret.value.priorUntil && (
            <p class="faint">
              {t("admin.priorUntil")} <Time at={secret.value.priorUntil} />
            </p>
          )}
          {prefix && (
            <FirstEvent integrator={secret.value.integrator} prefix={prefix} token={secret.value.token} />
          )}
        </SecretDialog>
      )}
    </>
  );
}

interface NewTokenProps {
  integrators: Resource<Integrator[]>;
  onClose: () => void;
  onCreated: (created: IssuedSecret) => void;
}

function NewTokenDialog({ integrators, onClose, onCreated }: NewTokenProps) {
  return (
    <FormDialog
      title={t("admin.newToken")}
      draft="token"
      action={t("admin.createToken")}
      onClose={onClose}
      onSend={async (field, form) => {
        const body = { integrator: field("integrator"), owner: field("owner"), admin: form.has("admin") };
        onCreated({ ...(await data<Secret>("POST", TOKENS, body)), integrator: body.integrator });
      }}
    >
      <Field label={t("admin.integrator")}>
        <ResourceSelect
          resource={integrators}
          name="integrator"
          value={(each) => each.slug}
          text={(each) => each.name}
        />
      </Field>
      <Field label={t("admin.owner")} hint={t("admin.ownerHint")}>
        <input name="owner" type="email" required defaultValue={me.value?.email} />
      </Field>
      <label class="check">
        <input type="checkbox" name="admin" /> {t("admin.adminHint")}
      </label>
    </FormDialog>
  );
}
