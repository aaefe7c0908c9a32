import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icons";
import { EmptyState } from "./parts";
import type { Resource } from "./resource";
import { Loaded } from "./loaded";

/** The button above a list that adds an entry. */
export function NewButton({ label, onClick }: { label: string; onClick: () => void }) {
  return (
    <div class="row row-end">
      <button type="button" class="button button-primary" onClick={onClick}>
        <Icon name="plus" size={16} /> {label}
      </button>
    </div>
  );
}

interface Props<T> {
  resource: Resource<T[]>;
  icon: IconName;
  /** The text for an empty list. */
  emptyText: string;
  children: (each: T) => ComponentChildren;
}

/** Render each entry of a resource in a row. */
export function Rows<T extends { id: string }>({ resource, icon, emptyText, children }: Props<T>) {
  return (
    <Loaded resource={resource}>
      {(rows) =>
        rows.length === 0 ? (
          <EmptyState icon={icon} text={emptyText} />
        ) : (
          <ul class="rows">
            {rows.map((each) => (
              <li class="row-card" key={each.id}>
                {children(each)}
              </li>
            ))}
          </ul>
        )
      }
    </Loaded>
  );
}

interface EditedProps<T> extends Omit<Props<T>, "children"> {
  add: string;
  children: (each: T, edit: () => void) => ComponentChildren;
  /** The dialog that edits an entry, or creates one if `edited` is null. */
  dialog: (edited: T | null, onClose: () => void, onSaved: () => void) => ComponentChildren;
}

/** Rows that can be edited and added. */
export function EditableRows<T extends { id: string }>({ add, dialog, children, ...rows }: EditedProps<T>) {
  const editing = useSignal<T | "new" | null>(null);
  const close = () => (editing.value = null);
  return (
    <>
      <NewButton label={add} onClick={() => (editing.value = "new")} />
      <Rows {...rows}>{(each) => children(each, () => (editing.value = each))}</Rows>
      {editing.value &&
        dialog(editing.value === "new" ? null : editing.value, close, () => {
          close();
          void rows.resource.reload();
        })}
    </>
  );
}

interface ChoiceProps<T> {
  resource: Resource<T[]>;
  name: string;
  value: (each: T) => string;
  text: (each: T) => string;
}

/** A select element whose options are the entries of a resource. */
export function ResourceSelect<T>({ resource, name, value, text }: ChoiceProps<T>) {
  return (
    <Loaded resource={resource}>
      {(rows) => (
        <select name={name}>
          {rows.map((each) => (
            <option value={value(each)} key={value(each)}>
              {text(each)}
            </option>
          ))}
        </select>
      )}
    </Loaded>
  );
}
