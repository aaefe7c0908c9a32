import { useSignal } from "@preact/signals";
import { data } from "../lib/api";
import { valueLabel, t } from "../lib/i18n";
import { setParams, href } from "../lib/router";
import { FormDialog } from "../ui/form";
import { Avatar, Chip, Field, IconButton, NarrowTitle } from "../ui/parts";
import { showError, showToast } from "../ui/toasts";
import { type Contact, CONTACTS, contacts, tagsOf } from "../lib/contacts";

const FIELDS = ["name", "email", "phone", "company", "role", "tags"] as const;

/** One contact with its cards. */
export function ContactDetail({ contact, onBack, onEdit }: { contact: Contact; onBack: () => void; onEdit: () => void }) {
  const confirming = useSignal(false);
  const remove = async () => {
    if (!confirming.value) {
      confirming.value = true;
      return;
    }
    try {
      await data("DELETE", `${CONTACTS}/${contact.id}`);
      contacts.value = contacts.value.filter((each) => each.id !== contact.id);
      showToast(t("contacts.deleted", { name: contact.name }));
      onBack();
    } catch (error) {
      showError(error);
    }
  };
  return (
    <article class="detail" key={contact.id}>
      <NarrowTitle text={t("page.contacts")} />
      <div class="detail-tools" role="toolbar" aria-label={contact.name}>
        <span class="only-narrow">
          <IconButton icon="back" label={t("back")} onClick={onBack} />
        </span>
        <span class="grow" />
        <button type="button" class="button" onClick={onEdit}>
          {t("edit")}
        </button>
        <button type="button" class="button button-danger" onClick={remove}>
          {confirming.value ? t("deleteConfirm") : t("delete")}
        </button>
      </div>
      <div class="detail-scroll">
        <div class="sheet">
          <div class="person-head">
            <Avatar name={contact.name} />
            <div>
              <h2 dir="auto">{contact.name}</h2>
              <p class="faint">{[contact.role, contact.company].filter(Boolean).join(" · ")}</p>
            </div>
          </div>
          <div class="chips">
            {tagsOf(contact).map((each) => (
              <button type="button" class="chip chip-button" key={each} onClick={() => setParams({ tag: each })}>
                {each}
              </button>
            ))}
          </div>
          <dl class="facts">
            {contact.email && (
              <>
                <dt>{t("contacts.email")}</dt>
                <dd>
                  <a href={`mailto:${contact.email}`}>{contact.email}</a>
                </dd>
              </>
            )}
            {contact.phone && (
              <>
                <dt>{t("contacts.phone")}</dt>
                <dd>
                  <a href={`tel:${contact.phone.replace(/[^+\d]/g, "")}`}>{contact.phone}</a>
                </dd>
              </>
            )}
            {contact.source && (
              <>
                <dt>{t("contacts.source")}</dt>
                <dd>{contact.source}</dd>
              </>
            )}
          </dl>
          {contact.notes && <p class="lead" dir="auto">{contact.notes}</p>}
          {contact.cards.length > 0 && (
            <section>
              <h3>{t("contacts.cards")}</h3>
              <ul class="links">
                {contact.cards.map(
                  ({ id, role, card }) =>
                    card && (
                      <li key={id}>
                        <a href={href("board", card.id)}>
                          <bdi>{card.title}</bdi>
                        </a>
                        <Chip>{valueLabel("stage", card.status)}</Chip>
                        {role && <span class="faint">{role}</span>}
                      </li>
                    ),
                )}
              </ul>
            </section>
          )}
        </div>
      </div>
    </article>
  );
}

/** The dialog that adds or changes a contact. */
export function EditContact({
  contact,
  onClose,
  onSaved,
}: {
  contact: Contact | null;
  onClose: () => void;
  onSaved: (id: string) => void;
}) {
  return (
    <FormDialog
      title={contact ? t("contacts.edit") : t("contacts.add")}
      action={t("save")}
      draft={`contact.${contact?.id ?? "new"}`}
      onClose={onClose}
      onSend={async (field) => {
        const body = Object.fromEntries([...FIELDS, "notes"].map((name) => [name, field(name) || null]));
        const saved = contact
          ? await data<Contact>("PATCH", `${CONTACTS}/${contact.id}`, body)
          : await data<Contact>("POST", CONTACTS, body);
        onSaved(saved.id);
      }}
    >
      {FIELDS.map((name) => (
        <Field key={name} label={t(`contacts.${name}`)}>
          <input
            name={name}
            {...(name === "email" ? { inputMode: "email" as const } : name === "phone" ? { type: "tel" } : {})}
            required={name === "name"}
            defaultValue={contact?.[name] ?? ""}
            autoFocus={name === "name"}
          />
        </Field>
      ))}
      <Field label={t("contacts.notes")}>
        <textarea name="notes" rows={3} defaultValue={contact?.notes ?? ""} />
      </Field>
    </FormDialog>
  );
}
