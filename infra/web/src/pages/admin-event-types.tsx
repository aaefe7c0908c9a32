import { useSignal } from "@preact/signals";
import { data } from "../lib/api";
import { t, valueLabel } from "../lib/i18n";
import { type DeclaredType, type IntegratorTypes, MOST_TYPES, saveDeclaredTypes } from "../lib/event-types";
import { FormDialog } from "../ui/form";
import { Loaded } from "../ui/loaded";
import { Field, IconButton } from "../ui/parts";
import { useResource } from "../ui/resource";
import { showToast } from "../ui/toasts";

const WAYS = ["push", "inbox"] as const;
const LONGEST_TYPE = 60;
const LONGEST_NAME = 60;
const LONGEST_DESCRIPTION = 120;

interface Props {
  integrator: string;
  onClose: () => void;
}

/** The event types that an integrator declares: their names, and how they reach people who have no rule for them. */
export function EventTypesDialog({ integrator, onClose }: Props) {
  const resource = useResource(async () => {
    const all = await data<IntegratorTypes[]>("GET", "api/v2/event-types");
    return all.find((each) => each.integrator === integrator)!;
  });
  const rows = useSignal<Array<{ id: number; type: Partial<DeclaredType> }> | null>(null);
  const state = resource.state.value;
  const stored = state.status === "ready" ? state.value : null;
  const known = stored?.types.map((type, id) => ({ id, type })) ?? [];
  const shown = rows.value ?? known;
  const next = Math.max(-1, ...shown.map(({ id }) => id)) + 1;
  return (
    <FormDialog
      title={t("types.title")}
      action={t("save")}
      wide
      onClose={onClose}
      onSend={async (field) => {
        if (!stored) return false;
        const types = shown.map(({ id }) => ({
          eventType: field(`type-${id}`),
          name: field(`name-${id}`),
          ...(field(`description-${id}`) && { description: field(`description-${id}`) }),
          defaultWay: field(`way-${id}`) as DeclaredType["defaultWay"],
        }));
        await saveDeclaredTypes({ ...stored, types });
        showToast(t("types.saved"));
        onClose();
      }}
    >
      <p class="faint">{t("types.note")}</p>
      <Loaded resource={resource}>
        {({ eventPrefix }) => (
          <>
            <ul class="rows">
              {shown.map(({ id, type }, position) => (
                <li class="row-card" key={id}>
                  <fieldset class="row-main declared-type">
                    <legend class="hidden">{type.name ?? t("types.new")}</legend>
                    <Field label={t("inbox.type")}>
                      <input
                        name={`type-${id}`}
                        required
                        maxLength={LONGEST_TYPE}
                        defaultValue={type.eventType ?? eventPrefix}
                        autocomplete="off"
                        spellcheck={false}
                      />
                    </Field>
                    <Field label={t("name")}>
                      <input name={`name-${id}`} required maxLength={LONGEST_NAME} defaultValue={type.name ?? ""} />
                    </Field>
                    <Field label={t("board.description")}>
                      <input
                        name={`description-${id}`}
                        maxLength={LONGEST_DESCRIPTION}
                        defaultValue={type.description ?? ""}
                      />
                    </Field>
                    <Field label={t("types.defaultWay")}>
                      <select name={`way-${id}`} defaultValue={type.defaultWay ?? "push"}>
                        {WAYS.map((each) => (
                          <option value={each} key={each} selected={each === (type.defaultWay ?? "push")}>
                            {valueLabel("way", each)}
                          </option>
                        ))}
                      </select>
                    </Field>
                  </fieldset>
                  <IconButton
                    icon="trash"
                    label={t("types.remove", { name: type.name ?? String(position + 1) })}
                    onClick={() => (rows.value = shown.filter((each) => each.id !== id))}
                  />
                </li>
              ))}
            </ul>
            {shown.length === 0 && <p>{t("types.empty")}</p>}
            <div class="row row-end">
              <button
                type="button"
                class="button"
                disabled={shown.length >= MOST_TYPES}
                onClick={() => (rows.value = [...shown, { id: next, type: {} }])}
              >
                {t("types.add")}
              </button>
            </div>
          </>
        )}
      </Loaded>
    </FormDialog>
  );
}
