import { data, query } from "../lib/api";
import type { EntryPage } from "../lib/audit";
import { t } from "../lib/i18n";
import { usePages } from "../ui/pages";
import { AuditEntries } from "./audit-entries";

const PATH = "api/v2/me/security-log";

/** What concerns the access of the signed-in person: sign-ins, sessions, keys and tokens. */
export function SecurityLog() {
  const pages = usePages((cursor) => data<EntryPage>("GET", query(PATH, { limit: 50, cursor })));
  return (
    <>
      <p class="faint">{t("security.note")}</p>
      <AuditEntries pages={pages} emptyText={t("security.empty")} />
    </>
  );
}
