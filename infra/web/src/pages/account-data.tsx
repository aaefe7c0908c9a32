import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError } from "../lib/api";
import { readExport, saveFile } from "../lib/export";
import { t } from "../lib/i18n";
import { me } from "../lib/session";
import { showToast } from "../ui/toasts";

/** What this desk keeps of the signed-in person, as an archive. */
export function Data() {
  const read = useSignal<number | null>(null);
  const problem = useSignal("");
  const isGone = useRef(false);
  useEffect(() => () => void (isGone.current = true), []);
  const download = async (): Promise<void> => {
    read.value = 0;
    problem.value = "";
    try {
      const archive = await readExport(
        (records) => (read.value = records),
        () => isGone.current,
      );
      if (archive === null) return;
      saveFile(archive, `${me.value!.email}.zip`);
      showToast(t("data.done", { records: read.value }));
    } catch (error) {
      problem.value = error instanceof ApiError ? error.message : t("error.unexpected");
    } finally {
      read.value = null;
    }
  };
  return (
    <section class="account-data" aria-label={t("account.data")}>
      <p class="faint">{t("data.note")}</p>
      <p class="faint">{t("data.left")}</p>
      <button type="button" class="button button-primary" disabled={read.value !== null} onClick={() => void download()}>
        {t("data.download")}
      </button>
      <p role="status" class="faint">
        {read.value !== null && t("data.reading", { records: read.value })}
      </p>
      {problem.value && <p role="alert">{problem.value}</p>}
    </section>
  );
}
