import { t } from "./i18n";
import type { Item } from "./inbox-items";
import { ago } from "./time";

export const lastFire = ({ lastFiredAt, createdAt }: Item): string => lastFiredAt ?? createdAt;

/** Say how many times an event was sent, and when last. */
export const fireText = (item: Item): string => t("inbox.fireCount", { n: item.fireCount, time: ago(lastFire(item)) });
