import { signal } from "@preact/signals";
import { showToast } from "../ui/toasts";
import { t } from "./i18n";
import type { LiveEvent } from "./live";

/** How often the desk has paused a channel since the page was loaded. */
export const pauses = signal(0);

/** Say that one of the person's channels is paused. */
export function handleChannelEvent(event: LiveEvent): void {
  if (event.type !== "channel_paused") return;
  pauses.value += 1;
  showToast(t("channel.pausedToast", { name: String(event.label), reason: String(event.reason) }));
}
