import { useSignal } from "@preact/signals";
import { call, data } from "../lib/api";
import { t, valueLabel } from "../lib/i18n";
import { type IngestToken, INGEST_TOKENS } from "../lib/ingest";
import { ConfirmButton } from "../ui/form";
import { Chip, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { NewButton, Rows } from "../ui/rows";
import { SecretDialog } from "../ui/secret";
import { showError, showToast } from "../ui/toasts";
import { type Publisher, NewAddressDialog } from "./account-ingest-dialog";

type Row = IngestToken & { id: string };

/** The ingest addresses of the signed-in person: to what other systems send to reach their inbox. */
export function IngestAddresses() {
  const resource = useResource(async () => {
    const { items } = await call<{ items: IngestToken[] }>("GET", INGEST_TOKENS);
    return items.map((each): Row => ({ ...each, id: each.tokenId }));
  });
  const publishers = useResource(async () => {
    const all = await data<(Publisher & { status: string })[]>("GET", "api/v2/me/integrations");
    return all.filter((each) => each.status === "active");
  });
  const creating = useSignal(false);
  const created = useSignal<{ address: string } | null>(null);
  const known = publishers.state.value;
  const end = async (token: Row): Promise<void> => {
    await call("DELETE", `${INGEST_TOKENS}/${token.id}`);
    showToast(t("ingest.ended", { name: token.name }));
    resource.reload();
  };
  return (
    <>
      <div class="row account-intro">
        <p class="faint grow">{t("ingest.note")}</p>
        {known.status === "ready" && known.value.length > 0 && (
          <NewButton label={t("ingest.new")} onClick={() => (creating.value = true)} />
        )}
      </div>
      <Rows resource={resource} icon="key" emptyText={t("ingest.empty")}>
        {(each) => (
          <>
            <div class="row-main">
              <p>
                <b>{each.name}</b> <span class="mono faint">{each.integrator}</span>
              </p>
              <p class="mono faint ingest-address">{each.address}</p>
              <p class="faint">
                {t("ingest.uses", { n: each.useCount })} · {t("integration.created")} <Time at={each.createdAt} />
                {each.lastUsedAt && (
                  <>
                    {" · "}
                    {t("integration.lastUsed")} <Time at={each.lastUsedAt} />
                  </>
                )}
              </p>
            </div>
            <div class="chips">
              <Chip>{valueLabel("ingestAdapter", each.adapter)}</Chip>
            </div>
            <div class="task-actions">
              <ConfirmButton
                label={t("ingest.end")}
                confirmLabel={t("ingest.confirmEnd")}
                onConfirm={() => end(each).catch(showError)}
              />
            </div>
          </>
        )}
      </Rows>
      {creating.value && known.status === "ready" && (
        <NewAddressDialog
          publishers={known.value}
          onClose={() => (creating.value = false)}
          onCreated={(made) => {
            creating.value = false;
            created.value = made;
            resource.reload();
          }}
        />
      )}
      {created.value && (
        <SecretDialog
          title={t("ingest.address")}
          note={t("ingest.once")}
          label={t("ingest.address")}
          secret={created.value.address}
          onClose={() => (created.value = null)}
        />
      )}
    </>
  );
}
