import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icons";
import { EmptyState } from "./parts";
import type { Resource } from "./resource";
import { Loaded } from "./loaded";

/** The button above a list, for one more. */
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
  of: Resource<T[]>;
  icon: IconName;
  /** What is said where there are none. */
  none: string;
  children: (each: T) => ComponentChildren;
}

/** What was read, each in a row of its own. */
export function Rows<T extends { id: string }>({ of, icon, none, children }: Props<T>) {
  return (
    <Loaded of={of}>
      {(found) =>
        found.length === 0 ? (
          <EmptyState icon={icon} text={none} />
        ) : (
          <ul class="rows">
            {found.map((each) => (
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
  /** What one is made or changed in; null is one that is yet to be made. */
  dialog: (edited: T | null, onClose: () => void, onSaved: () => void) => ComponentChildren;
}

/** Rows of which each may be changed, and new ones made. */
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
          void rows.of.reload();
        })}
    </>
  );
}

interface ChoiceProps<T> {
  of: Resource<T[]>;
  name: string;
  value: (each: T) => string;
  text: (each: T) => string;
}

/** A choice of one of those that were read. */
export function ResourceSelect<T>({ of, name, value, text }: ChoiceProps<T>) {
  return (
    <Loaded of={of}>
      {(found) => (
        <select name={name}>
          {found.map((each) => (
            <option value={value(each)} key={value(each)}>
              {text(each)}
            </option>
          ))}
        </select>
      )}
    </Loaded>
  );
}
