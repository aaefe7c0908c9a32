import { useSignal } from "@preact/signals";
import { ApiError, data } from "../lib/api";
import { listText, valueLabel, t } from "../lib/i18n";
import { Chip, Dialog } from "../ui/parts";
import { EMPLOYEES } from "./admin-people";

interface Report {
  dryRun: boolean;
  created: number;
  updated: number;
  exists: number;
  errors: number;
  ignoredColumns: string[];
  rows: Array<{ line: number; email: string; name: string | null; outcome: string; reason: string | null }>;
}

const LARGEST = 1_000_000;
const KINDS: Record<string, string> = { created: "chip-success", updated: "chip-info", error: "chip-critical" };
// Errors first, and what changes before what does not.
const ORDER = ["error", "created", "updated", "exists"];

/** Import people from a file: choose it, look at what it would do, and confirm. */
export function ImportDialog({ onClose, onImported }: { onClose: () => void; onImported: () => void }) {
  const file = useSignal<{ name: string; text: string } | null>(null);
  const report = useSignal<Report | null>(null);
  const failure = useSignal("");
  const busy = useSignal(false);
  const send = async (text: string, dryRun: boolean) => {
    busy.value = true;
    failure.value = "";
    try {
      report.value = await data<Report>("POST", `${EMPLOYEES}/import`, { csv: text, dryRun });
      if (!dryRun) onImported();
    } catch (error) {
      failure.value = error instanceof ApiError ? error.message : t("error.unexpected");
    }
    busy.value = false;
  };
  const choose = async (chosen: File | undefined) => {
    if (!chosen) return;
    report.value = file.value = null;
    if (chosen.size > LARGEST) {
      failure.value = t("people.tooLarge");
      return;
    }
    try {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(await chosen.arrayBuffer());
      file.value = { name: chosen.name, text };
      await send(text, true);
    } catch {
      failure.value = t("people.notUtf8");
    }
  };
  const seen = report.value;
  const changes = seen ? seen.created + seen.updated : 0;
  return (
    <Dialog title={t("people.importTitle")} onClose={onClose} wide>
      <p class="faint">{t("people.importNote")}</p>
      {!seen && (
        <label
          class="drop"
          onDragOver={(event) => event.preventDefault()}
          onDrop={(event) => {
            event.preventDefault();
            void choose(event.dataTransfer?.files[0]);
          }}
        >
          {t("people.chooseFile")}
          <input
            type="file"
            accept=".csv,.tsv,.txt,text/csv"
            disabled={busy.value}
            onChange={(event) => {
              const input = event.currentTarget;
              void choose(input.files?.[0]).then(() => (input.value = ""));
            }}
          />
        </label>
      )}
      {failure.value && (
        <p class="error" role="alert">
          {failure.value}
        </p>
      )}
      {seen && (
        <>
          <h3>{seen.dryRun ? `${t("people.preview")}: ${file.value?.name}` : t("people.imported")}</h3>
          <p class="chips" role="status">
            {(["created", "updated", "exists"] as const).map((each) => (
              <Chip key={each} kind={KINDS[each] ?? ""}>
                {t(`people.${each}`, { n: seen[each] })}
              </Chip>
            ))}
            {seen.errors > 0 && <Chip kind="chip-critical">{t("people.errors", { n: seen.errors })}</Chip>}
          </p>
          {seen.ignoredColumns.length > 0 && (
            <p class="faint">{t("people.ignoredColumns", { names: listText(seen.ignoredColumns) })}</p>
          )}
          {seen.dryRun && seen.errors > 0 && changes > 0 && <p class="faint">{t("people.errorsSkipped")}</p>}
          <div class="import-rows" tabIndex={0} role="region" aria-label={t("people.preview")}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{t("people.line")}</th>
                  <th scope="col">{t("people.email")}</th>
                  <th scope="col">{t("people.result")}</th>
                </tr>
              </thead>
              <tbody>
                {[...seen.rows]
                  .sort((a, b) => ORDER.indexOf(a.outcome) - ORDER.indexOf(b.outcome) || a.line - b.line)
                  .map((each) => (
                    <tr key={each.line}>
                      <td>{each.line}</td>
                      <td>
                        {each.email}
                        {each.name && <small class="faint">{each.name}</small>}
                      </td>
                      <td>
                        <Chip kind={KINDS[each.outcome] ?? ""}>{valueLabel("import", each.outcome)}</Chip>
                        {each.reason && <small class="error">{each.reason}</small>}
                      </td>
                    </tr>
                  ))}
              </tbody>
            </table>
          </div>
        </>
      )}
      <div class="row row-end">
        {seen?.dryRun && (
          <button type="button" class="button" onClick={() => (report.value = file.value = null)}>
            {t("people.otherFile")}
          </button>
        )}
        {seen?.dryRun && changes > 0 ? (
          <button
            type="button"
            class="button button-primary"
            disabled={busy.value}
            onClick={() => file.value && void send(file.value.text, false)}
          >
            {t("people.importAction", { n: changes })}
          </button>
        ) : (
          <>
            {seen?.dryRun && <span class="faint">{t("people.nothingToImport")}</span>}
            <button type="button" class="button" onClick={onClose}>
              {t("close")}
            </button>
          </>
        )}
      </div>
    </Dialog>
  );
}
