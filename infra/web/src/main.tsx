import { useSignal } from "@preact/signals";
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { data, ApiError } from "./lib/api";
import { startBadge } from "./lib/badge";
import { handleChatEvent, loadChat } from "./lib/chat";
import { t } from "./lib/i18n";
import { count, handleInboxEvent, renew } from "./lib/inbox";
import { connect, hear, onResync } from "./lib/live";
import { handleQueueEvent, loadQueue } from "./lib/queue";
import { go, href } from "./lib/router";
import { signOutReason, keep, key, keyFromAddress, type Me, me, signOut, restart } from "./lib/session";
import { Desk } from "./pages/layout";
import { SignIn } from "./pages/signin";
import { ErrorState } from "./ui/parts";

/** Sign in with a key; why it is refused, if it is. Whatever else goes wrong is thrown, and the key is kept. */
async function signIn(given: string): Promise<string> {
  keep(given);
  try {
    me.value = await data<Me>("GET", "api/v2/me");
  } catch (error) {
    if (!(error instanceof ApiError && [401, 403].includes(error.status))) throw error;
    signOut();
    return t("signIn.refused");
  }
  count();
  connect();
  return "";
}

hear(handleInboxEvent);
hear(handleQueueEvent);
hear(handleChatEvent);
onResync(() => {
  void renew();
  void loadQueue();
  void loadChat();
});

function App() {
  const starting = useSignal(Boolean(key.value));
  const error = useSignal<unknown>(null);
  const enter = async (given: string) => {
    starting.value = true;
    error.value = null;
    try {
      signOutReason.value = await signIn(given);
    } catch (why) {
      error.value = why;
    }
    starting.value = false;
  };
  useEffect(() => {
    const start = () => {
      const given = keyFromAddress();
      // Gone from the address bar and the history before anything else happens.
      if (given) go(href("inbox"), { replace: true });
      if (given && me.value) {
        keep(given);
        restart();
      } else if (given || (key.value && !me.value)) {
        void enter(given || key.value);
      }
    };
    start();
    addEventListener("hashchange", start);
    return () => removeEventListener("hashchange", start);
  }, []);
  if (me.value) return <Desk />;
  if (starting.value) return <div class="boot" aria-hidden="true" children={<span class="mark" />} />;
  if (error.value) {
    return (
      <main class="sign-in">
        <ErrorState error={error.value} onRetry={() => void enter(key.value)} />
      </main>
    );
  }
  return <SignIn onKey={(given) => void enter(given)} />;
}

const root = document.getElementById("app")!;
root.replaceChildren();
startBadge();
render(<App />, root);
