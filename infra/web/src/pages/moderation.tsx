import { data, ApiError } from "../lib/api";
import { t } from "../lib/i18n";
import type { Delivery } from "../lib/inbox-items";
import { decideHeldEvent, metadataOf, type Task } from "../lib/queue";
import { ConfirmButton, FormDialog } from "../ui/form";
import { Loaded } from "../ui/loaded";
import { Field } from "../ui/parts";
import { useResource } from "../ui/resource";
import { showError } from "../ui/toasts";
import { DeliveryContent } from "./delivery";

/** Shows a moderator the whole held event, and asks whether and to whom it is delivered. */
export function ModerationDialog({ task, onClose }: { task: Task; onClose: () => void }) {
  const event = useResource(() => data<Delivery>("GET", `api/v2/queue/${task.id}/event`));
  const state = event.state.value;
  // An agent may call its own task an event. Then there is nobody to deliver it to.
  const isNone = state.status === "failed" && state.error instanceof ApiError && state.error.status === 404;
  const hint = (metadataOf(task).recipientHint ?? {}) as { email?: string; user_id?: string; display_hint?: string };
  return (
    <FormDialog
      title={t("queue.review")}
      action={t("queue.deliver")}
      draft={`held.${task.id}`}
      wide
      onClose={onClose}
      onSend={async (field) => {
        await decideHeldEvent(task, "approve", field("recipient") || undefined);
        onClose();
      }}
    >
      {isNone ? (
        <p dir="auto">{task.title}</p>
      ) : (
        <>
          <div class="moderated">
            <Loaded resource={event}>{(delivery) => <DeliveryContent delivery={delivery} preview />}</Loaded>
          </div>
          <Field label={t("queue.recipient")} hint={hint.display_hint ?? t("queue.recipientHint")}>
            <input name="recipient" maxLength={120} defaultValue={hint.email ?? hint.user_id ?? ""} autoFocus />
          </Field>
        </>
      )}
      <div class="row">
        <ConfirmButton
          label={t("queue.reject")}
          confirmLabel={t("queue.rejectForGood")}
          onConfirm={() => void decideHeldEvent(task, "reject").then(onClose, showError)}
        />
      </div>
    </FormDialog>
  );
}
