import { t } from "../lib/i18n";
import { host } from "../lib/urls";
import { Chip } from "./parts";

const MAX_FIELDS = 40;

interface OriginProps {
  name?: string | null;
  email: string;
  url: string;
  /** Whether the desk at the address confirmed that it is its own. Unknown for what this desk sent. */
  verified?: boolean;
}

/** Who at another desk asks, from where, and whether that was confirmed. */
export function RemoteOrigin({ name, email, url, verified }: OriginProps) {
  return (
    <>
      <bdi>{name ? `${name} (${email})` : email}</bdi> · <span title={url}>{host(url)}</span>{" "}
      {verified !== undefined && (
        <Chip
          kind={verified ? "chip-success" : "chip-warn"}
          title={t(verified ? "network.confirmedHint" : "network.unconfirmedHint")}
        >
          {t(verified ? "network.confirmed" : "network.unconfirmed")}
        </Chip>
      )}
    </>
  );
}

/** A JSON object as fields, and as JSON on demand. Names with an underscore are this desk's own notes. */
export function JsonFields({ text }: { text: string | null }) {
  const value = parse(text);
  const fields = value && typeof value === "object" && !Array.isArray(value) ? Object.entries(value) : [];
  const shown = fields.filter(([name, each]) => !name.startsWith("_") && each !== null && each !== "");
  return (
    <>
      {shown.length > 0 ? (
        <dl class="facts payload">
          {shown.slice(0, MAX_FIELDS).map(([name, each]) => (
            <FieldRow key={name} name={name} value={each} />
          ))}
        </dl>
      ) : (
        <p class="faint">{fields.length || !text ? t("network.noPayload") : String(value)}</p>
      )}
      <details>
        <summary>{t("network.raw")}</summary>
        <pre tabIndex={0}>{value === undefined ? text : JSON.stringify(value, null, 2)}</pre>
      </details>
    </>
  );
}

function FieldRow({ name, value }: { name: string; value: unknown }) {
  return (
    <>
      <dt>
        <bdi>{name.replaceAll("_", " ")}</bdi>
      </dt>
      <dd dir="auto">{plain(value)}</dd>
    </>
  );
}

function plain(value: unknown): string {
  if (Array.isArray(value)) return value.map(plain).join(", ");
  if (value && typeof value === "object")
    return Object.entries(value)
      .map(([name, each]) => `${name}: ${plain(each)}`)
      .join("; ");
  return String(value);
}

function parse(text: string | null): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return undefined;
  }
}
