import { useEffect } from "preact/hooks";
import { findNewestUnread } from "../lib/inbox-summary";
import { go, href } from "../lib/router";
import { Skeleton } from "../ui/parts";
import { showError } from "../ui/toasts";

/** Leads to the newest unread delivery: from the palette, and from a browser notification that names none. */
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
