import { useSignal } from "@preact/signals";
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { data, Failure } from "./lib/api";
import { startBadge } from "./lib/badge";
import { hearOfChat, loadChat } from "./lib/chat";
import { t } from "./lib/i18n";
import { count, hearOfInbox, renew } from "./lib/inbox";
import { connect, hear, onRestart } from "./lib/live";
import { hearOfQueue, loadQueue } from "./lib/queue";
import { go, href } from "./lib/router";
import { farewell, keep, key, keyInAddress, type Me, me, signOut, startAnew } from "./lib/session";
import { Desk } from "./pages/desk";
import { SignIn } from "./pages/signin";
import { Trouble } from "./ui/parts";

/** Sign in with a key; why it is refused, if it is. Whatever else goes wrong is thrown, and the key is kept. */
async function signIn(given: string): Promise<string> {
  keep(given);
  try {
    me.value = await data<Me>("GET", "api/v2/me");
  } catch (fault) {
    if (!(fault instanceof Failure && [401, 403].includes(fault.status))) throw fault;
    signOut();
    return t("signIn.refused");
  }
  count();
  connect();
  return "";
}

hear(hearOfInbox);
hear(hearOfQueue);
hear(hearOfChat);
onRestart(() => {
  void renew();
  void loadQueue();
  void loadChat();
});

function App() {
  const starting = useSignal(Boolean(key.value));
  const fault = useSignal<unknown>(null);
  const enter = async (given: string) => {
    starting.value = true;
    fault.value = null;
    try {
      farewell.value = await signIn(given);
    } catch (why) {
      fault.value = why;
    }
    starting.value = false;
  };
  useEffect(() => {
    const start = () => {
      const given = keyInAddress();
      // Gone from the address bar and the history before anything else happens.
      if (given) go(href("inbox"), { replace: true });
      if (given && me.value) {
        keep(given);
        startAnew();
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
  if (fault.value) {
    return (
      <main class="sign-in">
        <Trouble fault={fault.value} onRetry={() => void enter(key.value)} />
      </main>
    );
  }
  return <SignIn onKey={(given) => void enter(given)} />;
}

const root = document.getElementById("app")!;
root.replaceChildren();
startBadge();
render(<App />, root);
