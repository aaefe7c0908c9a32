import { useEffect } from "preact/hooks";
import { findNewestUnread } from "../lib/inbox";
import { go, href } from "../lib/router";
import { Skeleton } from "../ui/parts";
import { showError } from "../ui/toasts";

/** Where a browser notification leads: the newest unread delivery, since a push says no more than that there is one. */
export function Newest() {
  useEffect(() => {
    findNewestUnread()
      .catch((error: unknown) => {
        showError(error);
        return null;
      })
      .then((id) => go(href("inbox", id), { replace: true }));
  }, []);
  return <Skeleton />;
}
