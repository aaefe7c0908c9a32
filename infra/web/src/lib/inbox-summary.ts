import { signal } from "@preact/signals";
import { call, onRecovery, query } from "./api";
import { opens } from "./session";

const SUMMARY_INTERVAL = 5000;

export const summary = signal({ unread: 0, urgent: 0, snoozed: 0 });

const summaryListeners = new Set<() => void>();

/** Call `listener` when the unread notifications were counted again. */
export function onSummary(listener: () => void): void {
  summaryListeners.add(listener);
}

let summaryAt = 0;
let summaryTimer = 0;

/** Refresh the unread count, at most once per `SUMMARY_INTERVAL`. */
export function refreshSummary(): void {
  if (!opens("inbox")) return;
  clearTimeout(summaryTimer);
  const wait = Math.max(0, summaryAt + SUMMARY_INTERVAL - Date.now());
  summaryTimer = setTimeout(async () => {
    summaryAt = Date.now();
    try {
      summary.value = await call("GET", "api/v1/inbox/summary");
      for (const each of summaryListeners) each();
    } catch {
      // Keep the old count. The user did not ask for this request, so no error is shown.
    }
  }, wait);
}

// What failed while the server was away is asked again once it is back.
onRecovery(refreshSummary);

/** Return the id of the newest unread delivery. Null if all are read. */
export async function findNewestUnread(): Promise<string | null> {
  const page = await call<{ items: Array<{ deliveryId: string }> }>("GET", query("api/v1/inbox", { view: "unread", limit: 1 }));
  return page.items[0]?.deliveryId ?? null;
}
