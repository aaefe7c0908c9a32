import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, call } from "../lib/api";
import { t, valueLabel } from "../lib/i18n";
import {
  ADAPTERS,
  EXAMPLE_MAPPING,
  INGEST_TOKENS,
  MAPPING_PREVIEW,
  type MappingPreview,
  SIGNED,
} from "../lib/ingest";
import { FormDialog } from "../ui/form";
import { Chip, Field } from "../ui/parts";

/** An integration that an address can publish with. */
export interface Publisher {
  id: string;
  label: string | null;
  integrator: string;
}

interface Props {
  publishers: Publisher[];
  onClose: () => void;
  onCreated: (made: { address: string }) => void;
}

/** The dialog that makes an ingest address. Nothing typed is kept, since a signing secret may be among it. */
export function NewAddressDialog({ publishers, onClose, onCreated }: Props) {
  const adapter = useSignal<string>(ADAPTERS[0]);
  const mapping = useSignal(EXAMPLE_MAPPING);
  return (
    <FormDialog
      title={t("ingest.new")}
      action={t("ingest.new")}
      wide={adapter.value === "json"}
      onClose={onClose}
      onSend={async (field) => {
        onCreated(
          await call("POST", INGEST_TOKENS, {
            adapter: adapter.value,
            name: field("name"),
            integration_id: field("publisher"),
            ...(field("secret") && { signing_secret: field("secret") }),
            ...(adapter.value === "json" && { mapping: parse(mapping.value, "ingest.mapping") }),
          }),
        );
      }}
    >
      <Field label={t("name")}>
        <input name="name" required maxLength={80} autoFocus autocomplete="off" />
      </Field>
      <Field label={t("ingest.publisher")}>
        <select name="publisher">
          {publishers.map((each) => (
            <option value={each.id} key={each.id}>
              {each.label ? `${each.label} (${each.integrator})` : each.integrator}
            </option>
          ))}
        </select>
      </Field>
      <Field label={t("ingest.adapter")}>
        <select value={adapter.value} onChange={(event) => (adapter.value = event.currentTarget.value)}>
          {ADAPTERS.map((each) => (
            <option value={each} key={each}>
              {valueLabel("ingestAdapter", each)}
            </option>
          ))}
        </select>
      </Field>
      {SIGNED.includes(adapter.value) && (
        <Field label={t("ingest.secret")}>
          <input
            name="secret"
            type="password"
            minLength={16}
            maxLength={200}
            required={adapter.value === "github"}
            autocomplete="off"
          />
        </Field>
      )}
      {adapter.value === "json" && <Mapping text={mapping.value} onChange={(to) => (mapping.value = to)} />}
    </FormDialog>
  );
}

/** Return the JSON of a field; the error names the field. */
function parse(text: string, label: "ingest.mapping" | "ingest.sample"): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(t("ingest.notJson", { field: t(label) }), 0);
  }
}

/** The mapping of the adapter json, and what it makes of a sample that the user pastes. */
function Mapping({ text, onChange }: { text: string; onChange: (to: string) => void }) {
  const sample = useSignal("");
  const preview = useSignal<MappingPreview | null>(null);
  const failure = useSignal("");
  const busy = useSignal(false);
  const found = useRef<HTMLDivElement>(null);
  // The result is below what a phone shows.
  useEffect(() => {
    if (preview.value || failure.value) found.current?.scrollIntoView({ block: "nearest" });
  }, [preview.value, failure.value]);
  const change = () => {
    preview.value = null;
    failure.value = "";
  };
  const tryOut = async (): Promise<void> => {
    busy.value = true;
    change();
    try {
      const asked = { mapping: parse(text, "ingest.mapping"), sample: parse(sample.value, "ingest.sample") };
      preview.value = await call<MappingPreview>("POST", MAPPING_PREVIEW, asked);
    } catch (error) {
      failure.value = error instanceof ApiError ? error.detail : t("error.unexpected");
    }
    busy.value = false;
  };
  return (
    <>
      <Field label={t("ingest.mapping")} hint={t("ingest.mappingHint")}>
        <textarea
          class="mono"
          rows={7}
          spellcheck={false}
          required
          value={text}
          onInput={(event) => {
            change();
            onChange(event.currentTarget.value);
          }}
        />
      </Field>
      <Field label={t("ingest.sample")}>
        <textarea
          class="mono"
          rows={5}
          spellcheck={false}
          value={sample.value}
          onInput={(event) => {
            change();
            sample.value = event.currentTarget.value;
          }}
        />
      </Field>
      <div class="row">
        <button type="button" class="button" disabled={busy.value} onClick={() => void tryOut()}>
          {t("ingest.try")}
        </button>
      </div>
      <div aria-live="polite" ref={found}>
        {failure.value && <p class="error">{failure.value}</p>}
        {preview.value && <Preview of={preview.value} />}
      </div>
    </>
  );
}

function Preview({ of: { results, ignored } }: { of: MappingPreview }) {
  if (ignored) return <p class="faint">{ignored}</p>;
  return (
    <ul class="rows ingest-preview">
      {results.map(({ step, event }, index) => (
        <li class="row-card" key={index}>
          <div class="row-main">
            <p>
              <b dir="auto">{event.title}</b>
            </p>
            <p class="mono faint ingest-address">
              {[event.event_type, event.event_id, ...Object.entries(event.labels ?? {}).map((pair) => pair.join("="))].join(
                " · ",
              )}
            </p>
          </div>
          <div class="chips">
            {step === "resolve" ? (
              <Chip kind="chip-success">{t("ingest.resolves")}</Chip>
            ) : (
              <Chip kind={`chip-${event.severity}`}>{valueLabel("severity", event.severity)}</Chip>
            )}
          </div>
        </li>
      ))}
    </ul>
  );
}
