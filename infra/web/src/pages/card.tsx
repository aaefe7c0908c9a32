import { useSignal } from "@preact/signals";
import {
  addCard,
  addChecklistItem,
  type Card,
  deleteCard,
  moveCard,
  patchCard,
  type Stage,
  STAGES,
  checkItem,
} from "../lib/board";
import { valueLabel, t } from "../lib/i18n";
import { go, href } from "../lib/router";
import { useDraft } from "../ui/draft";
import { FormDialog } from "../ui/form";
import { Icon } from "../ui/icons";
import { Avatar, Dialog, Field } from "../ui/parts";

const PRIORITIES = ["urgent", "high", "medium", "low"] as const;

export function CardDialog({ card, onClose }: { card: Card; onClose: () => void }) {
  const confirming = useSignal(false);
  const newItem = useDraft(`checklist.${card.id}`);
  return (
    <Dialog title={card.title} onClose={onClose} wide>
      <div class="form">
        <div class="form-row">
          <Field label={t("board.stage")}>
            <select
              value={card.status}
              onChange={(event) => void moveCard(card.id, event.currentTarget.value as Stage, 0)}
            >
              {STAGES.map((each) => (
                <option value={each} key={each}>
                  {valueLabel("stage", each)}
                </option>
              ))}
            </select>
          </Field>
          <Field label={t("queue.priority")}>
            <select
              value={card.priority}
              onChange={(event) => void patchCard(card, { priority: event.currentTarget.value as Card["priority"] })}
            >
              {PRIORITIES.map((each) => (
                <option value={each} key={each}>
                  {valueLabel("priority", each)}
                </option>
              ))}
            </select>
          </Field>
          <Field label={t("board.assignee")}>
            <select
              value={card.assignee}
              onChange={(event) => void patchCard(card, { assignee: event.currentTarget.value as Card["assignee"] })}
            >
              <option value="human">{t("board.human")}</option>
              <option value="agent">{t("board.agent")}</option>
            </select>
          </Field>
          <Field label={t("board.due")}>
            <input
              type="date"
              value={card.dueDate ? localDay(card.dueDate) : ""}
              onChange={(event) => void patchCard(card, { dueDate: endOfDay(event.currentTarget.value) })}
            />
          </Field>
        </div>
        <CardText card={card} />
        <section>
          <h3>{t("board.checklist")}</h3>
          <ul class="checklist">
            {card.checklist.map((each) => (
              <li key={each.id}>
                <label>
                  <input
                    type="checkbox"
                    checked={each.completed}
                    onChange={(event) => void checkItem(card, each, event.currentTarget.checked)}
                  />
                  <span class={each.completed ? "done" : ""} dir="auto">
                    {each.text}
                  </span>
                </label>
              </li>
            ))}
          </ul>
          <form
            ref={newItem.form}
            class="row"
            onSubmit={(event) => {
              event.preventDefault();
              const form = event.currentTarget;
              const text = String(new FormData(form).get("text")).trim();
              if (!text) return;
              form.reset();
              newItem.forget();
              void addChecklistItem(card, text);
            }}
          >
            <input
              class="grow"
              name="text"
              maxLength={500}
              placeholder={t("board.newItem")}
              aria-label={t("board.newItem")}
            />
            <button type="submit" class="button">
              <Icon name="plus" size={16} /> {t("queue.add")}
            </button>
          </form>
        </section>
        {card.contacts.length > 0 && (
          <section>
            <h3>{t("page.contacts")}</h3>
            <ul class="people">
              {card.contacts.map((each) => (
                <li key={each.id}>
                  <a href={href("contacts", each.contactId)}>
                    <Avatar name={each.contact.name} />
                    <span>
                      <b>{each.contact.name}</b>{" "}
                      <span class="faint">{[each.role, each.contact.company].filter(Boolean).join(" · ")}</span>
                    </span>
                  </a>
                </li>
              ))}
            </ul>
          </section>
        )}
        <div class="row row-end">
          <button
            type="button"
            class="button button-danger"
            onClick={() => {
              if (!confirming.value) {
                confirming.value = true;
                return;
              }
              go(href("board"));
              void deleteCard(card);
            }}
          >
            <Icon name="trash" size={16} /> {confirming.value ? t("deleteConfirm") : t("delete")}
          </button>
        </div>
      </div>
    </Dialog>
  );
}

function CardText({ card }: { card: Card }) {
  const title = useSignal(card.title);
  const text = useSignal(card.description ?? "");
  const draft = useDraft(`card.${card.id}`);
  const isChanged = title.value.trim() !== card.title || text.value !== (card.description ?? "");
  return (
    <form
      ref={draft.form}
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        if (!title.value.trim()) return;
        void patchCard(card, { title: title.value.trim(), description: text.value || null });
        draft.forget();
      }}
    >
      <Field label={t("board.title")}>
        <input
          name="title"
          value={title.value}
          required
          maxLength={500}
          onInput={(event) => (title.value = event.currentTarget.value)}
        />
      </Field>
      <Field label={t("board.description")}>
        <textarea
          name="description"
          rows={4}
          maxLength={10_000}
          value={text.value}
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
      </Field>
      {isChanged && (
        <div class="row row-end">
          <button type="submit" class="button button-primary">
            {t("save")}
          </button>
        </div>
      )}
    </form>
  );
}

export function NewCard({ stage, onClose }: { stage: Stage; onClose: () => void }) {
  return (
    <FormDialog
      title={t("board.add")}
      draft="card"
      action={t("queue.add")}
      onClose={onClose}
      onSend={async (field) => {
        const added = await addCard({ title: field("title"), status: field("status") as Stage });
        if (added) onClose();
        return Boolean(added);
      }}
    >
      <Field label={t("board.title")}>
        <input name="title" required pattern=".*\S.*" maxLength={500} autoFocus autocomplete="off" />
      </Field>
      <Field label={t("board.stage")}>
        <select name="status" defaultValue={stage}>
          {STAGES.map((each) => (
            <option value={each} key={each} selected={each === stage}>
              {valueLabel("stage", each)}
            </option>
          ))}
        </select>
      </Field>
    </FormDialog>
  );
}

function localDay(time: string): string {
  const at = new Date(time);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

function endOfDay(day: string): string | null {
  return day ? new Date(`${day}T18:00:00`).toISOString() : null;
}
