import { useSignal } from "@preact/signals";
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { data, ApiError } from "./lib/api";
import { startBadge } from "./lib/badge";
import { handleChatEvent, loadChat } from "./lib/chat";
import { t } from "./lib/i18n";
import { refreshSummary, handleInboxEvent, refreshInbox } from "./lib/inbox";
import { connect, subscribe, onResync } from "./lib/live";
import { handleQueueEvent, loadQueue } from "./lib/queue";
import { go, href } from "./lib/router";
import { signOutReason, storeKey, key, keyFromAddress, type Me, me, signOut, restart } from "./lib/session";
import { Layout } from "./pages/layout";
import { SignIn } from "./pages/signin";
import { ErrorState } from "./ui/parts";

/** Sign in with a key. Returns the reason if the server refuses it. Other errors are thrown, and the key stays stored. */
async function signIn(entered: string): Promise<string> {
  storeKey(entered);
  try {
    me.value = await data<Me>("GET", "api/v2/me");
  } catch (error) {
    if (!(error instanceof ApiError && [401, 403].includes(error.status))) throw error;
    signOut();
    return t("signIn.refused");
  }
  refreshSummary();
  connect();
  return "";
}

subscribe(handleInboxEvent);
subscribe(handleQueueEvent);
subscribe(handleChatEvent);
onResync(() => {
  void refreshInbox();
  void loadQueue();
  void loadChat();
});

function App() {
  const signingIn = useSignal(Boolean(key.value));
  const error = useSignal<unknown>(null);
  const trySignIn = async (entered: string) => {
    signingIn.value = true;
    error.value = null;
    try {
      signOutReason.value = await signIn(entered);
    } catch (reason) {
      error.value = reason;
    }
    signingIn.value = false;
  };
  useEffect(() => {
    const start = () => {
      const entered = keyFromAddress();
      // Remove the key from the address bar and the history first.
      if (entered) go(href("inbox"), { replace: true });
      if (entered && me.value) {
        storeKey(entered);
        restart();
      } else if (entered || (key.value && !me.value)) {
        void trySignIn(entered || key.value);
      }
    };
    start();
    addEventListener("hashchange", start);
    return () => removeEventListener("hashchange", start);
  }, []);
  if (me.value) return <Layout />;
  if (signingIn.value) return <div class="boot" aria-hidden="true" children={<span class="mark" />} />;
  if (error.value) {
    return (
      <main class="sign-in">
        <ErrorState error={error.value} onRetry={() => void trySignIn(key.value)} />
      </main>
    );
  }
  return <SignIn onKey={(entered) => void trySignIn(entered)} />;
}

const root = document.getElementById("app")!;
root.replaceChildren();
startBadge();
render(<App />, root);
