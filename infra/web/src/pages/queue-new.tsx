import { useSignal } from "@preact/signals";
import { useDraft } from "../ui/draft";
import { valueLabel, t } from "../lib/i18n";
import { addTask, type Task } from "../lib/queue";
import { Icon } from "../ui/icons";
import { Field } from "../ui/parts";

/** The form that adds a task of the user's own. What is typed is kept until it is added. */
export function NewTask() {
  const busy = useSignal(false);
  const draft = useDraft("task");
  return (
    <form
      ref={draft.form}
      class="new-task"
      onSubmit={async (event) => {
        event.preventDefault();
        const form = event.currentTarget;
        const field = new FormData(form);
        const title = String(field.get("title")).trim();
        if (!title || busy.value) return;
        busy.value = true;
        const added = await addTask({ title, priority: String(field.get("priority")) as Task["priority"] });
        busy.value = false;
        if (!added) return;
        form.reset();
        draft.forget();
      }}
    >
      <Field label={t("queue.new")}>
        <input name="title" required maxLength={500} placeholder={t("queue.newHint")} autocomplete="off" />
      </Field>
      <div class="row">
        <select name="priority" aria-label={t("queue.priority")}>
          {["medium", "urgent", "high", "low"].map((each) => (
            <option value={each} key={each}>
              {valueLabel("priority", each)}
            </option>
          ))}
        </select>
        <button type="submit" class="button button-primary" disabled={busy.value}>
          <Icon name="plus" size={16} /> {t("queue.add")}
        </button>
      </div>
    </form>
  );
}
