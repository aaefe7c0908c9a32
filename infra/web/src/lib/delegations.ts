import { signal } from "@preact/signals";
import { showError, showToast } from "../ui/toasts";
import { data, onRecovery } from "./api";
import { hold } from "./holds";
import { t } from "./i18n";
import type { LiveEvent } from "./live";
import type { Decided, Task } from "./queue";
import { href, route } from "./router";
import { me, opens } from "./session";

export interface Colleague {
  id: string;
  name: string;
}

/** A proposal of somebody who has delegated the decision. */
export interface DelegatedTask {
  delegationId: string;
  delegator: Colleague;
  task: Task;
}

export interface Delegation {
  id: string;
  delegator: Colleague;
  delegate: Colleague;
  createdAt: string;
  until: string;
}

export interface Delegations {
  given: Delegation[];
  received: Delegation[];
}

const PATH = "api/v2/delegated-tasks";
const TOAST_MS = 10_000;

export const delegatedTasks = signal<DelegatedTask[]>([]);
/** How often delegations have begun or ended elsewhere, for lists of them to be read again. */
export const delegationChanges = signal(0);

let latestLoad = 0;

/** Read the proposals on which the person decides for others. */
export async function loadDelegated(): Promise<void> {
  if (!opens("queue")) return;
  const load = ++latestLoad;
  try {
    const { tasks } = await data<{ tasks: DelegatedTask[] }>("GET", PATH);
    if (load === latestLoad) delegatedTasks.value = tasks;
  } catch {
    // The page shows the errors of the person's own queue. The next event, or the recovery, reads again.
  }
}
onRecovery(() => void loadDelegated());

export function handleDelegationEvent(event: LiveEvent): void {
  if (event.type !== "delegation_changed") return;
  if (["begun", "ended", "expired"].includes(String(event.changeType))) delegationChanges.value += 1;
  if (event.changeType === "expired") {
    const isGiven = event.delegatorId === me.value?.id;
    const name = String(isGiven ? event.delegateName : event.delegatorName);
    const link = href("you", null, new URLSearchParams({ tab: "approvals" }));
    showToast(t(isGiven ? "delegations.expiredGiven" : "delegations.expiredReceived", { name }), null, TOAST_MS, link);
  }
  // Elsewhere than on the queue's page a proposal would arrive unseen.
  if (event.changeType === "added" && route.value.page !== "queue")
    showToast(t("delegated.proposed", { title: String(event.itemTitle) }), null, TOAST_MS, href("queue", String(event.itemId)));
  void loadDelegated();
}

/** Approve or reject somebody else's proposal in five seconds, unless that is undone. */
export function decideDelegated({ task, delegator }: DelegatedTask, isApproved: boolean, decided: Decided = {}): void {
  const text = t(isApproved ? "queue.approving" : "queue.rejecting", { title: task.title });
  hold(task.id, text, async (leaving) => {
    delegatedTasks.value = delegatedTasks.value.filter((each) => each.task.id !== task.id);
    try {
      const body = { action: isApproved ? "approve" : "reject", ...decided };
      await data("POST", `${PATH}/${task.id}/confirm`, body, { keepalive: leaving });
      showToast(t(isApproved ? "delegated.approved" : "delegated.rejected", { title: task.title, name: delegator.name }));
    } catch (error) {
      showError(error, t("queue.notChanged", { title: task.title }));
      void loadDelegated();
    }
  });
}
