import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../lib/i18n";
import { route } from "../lib/router";
import { useShortcuts } from "../lib/shortcuts";
import {
  type Briefing,
  briefing,
  changeSettings,
  decideTask,
  isFromOtherDesk,
  isHeldEvent,
  isIrreversible,
  loadQueue,
  queueState,
  settings,
  STATUSES,
  type Allowed,
  type Decided,
  type Task,
  tasks,
  tasksOf,
} from "../lib/queue";
import { isHeld } from "../lib/holds";
import { isArmed } from "../ui/armed";
import { showToast } from "../ui/toasts";
import { AskDialog, FormDialog } from "../ui/form";
import { Icon } from "../ui/icons";
import { DelegatedGroup } from "./delegated";
import { ProposalDialog } from "./proposal";
import { ModerationDialog } from "./moderation";
import { EmptyState, IconButton, Skeleton, Switch, ErrorState } from "../ui/parts";
import { TaskGroup } from "./queue-tasks";
import { NewTask } from "./queue-new";

export function Queue() {
  const selected = useSignal<string | null>(null);
  const moderating = useSignal<Task | null>(null);
  const declining = useSignal<Task | null>(null);
  const confirming = useSignal<Task | null>(null);
  const reviewing = useSignal<Task | null>(null);
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => void loadQueue(), []);

  const order = STATUSES.flatMap(tasksOf);
  const at = order.findIndex((each) => each.id === selected.value);
  const focus = (task: Task | undefined) => {
    if (!task) return;
    selected.value = task.id;
    list.current?.querySelector<HTMLElement>(`[data-task="${CSS.escape(task.id)}"]`)?.focus();
  };
  // A key acts only on what the user has selected and had time to read.
  const decideByKey = (isApproved: boolean) => {
    const task = order[at];
    if (!task) showToast(t("queue.selectFirst"));
    else if (!isArmed(list.current, task.id)) showToast(t("queue.justArrived"));
    else decide(task, isApproved);
  };
  const decide = (task: Task, isApproved: boolean) => {
    if (task.status !== "pending_confirmation" || isHeld(task.id)) return;
    if (isHeldEvent(task)) moderating.value = task;
    else if (!isApproved && isFromOtherDesk(task)) declining.value = task;
    else if (isApproved && isIrreversible(task)) confirming.value = task;
    else send(task, isApproved);
  };
  const send = (task: Task, isApproved: boolean, decided?: Decided, allowed?: Allowed) => {
    const waiting = tasksOf("pending_confirmation").filter((each) => each === task || !isHeld(each.id));
    const position = waiting.indexOf(task);
    const next = waiting[position + 1] ?? waiting[position - 1];
    decideTask(task, isApproved, decided, allowed);
    focus(next);
  };
  useShortcuts({
    j: () => focus(order[at + 1] ?? order[at]),
    k: () => focus(order[Math.max(0, at - 1)]),
    y: () => decideByKey(true),
    n: () => decideByKey(false),
  });

  // A toast or a link opens the queue with one task selected.
  const { id } = route.value;
  const isLoaded = Boolean(id && order.some((each) => each.id === id));
  useEffect(() => {
    if (isLoaded) focus(order.find((each) => each.id === id));
  }, [id, isLoaded]);

  const loadState = queueState.value;
  return (
    <section class="page" aria-label={t("page.queue")}>
      <header class="head">
        <h1>{t("page.queue")}</h1>
        <p class="head-note">{t("queue.note")}</p>
      </header>
      {typeof loadState === "object" ? (
        <ErrorState error={loadState.error} onRetry={() => void loadQueue()} />
      ) : loadState === "loading" ? (
        <Skeleton rows={6} />
      ) : (
        <div class="queue" ref={list}>
          <aside class="panel queue-side">
            <Switch
              label={t("queue.chief")}
              hint={t("queue.chiefHint")}
              on={settings.value?.mode === "chief_of_staff"}
              onChange={(on) => void changeSettings({ mode: on ? "chief_of_staff" : "cockpit" })}
            />
            <Switch
              label={t("queue.auto")}
              hint={t("queue.autoHint")}
              on={Boolean(settings.value?.queueAutoApprove)}
              onChange={(queueAutoApprove) => void changeSettings({ queueAutoApprove })}
            />
            <Switch
              label={t("queue.integrators")}
              hint={t("queue.integratorsHint")}
              on={Boolean(settings.value?.agentsOfIntegrators)}
              onChange={(agentsOfIntegrators) => void changeSettings({ agentsOfIntegrators })}
            />
            {briefing.value && (
              <div class="note briefing" role="status">
                <Icon name="info" size={16} />
                <span>
                  <b>{t("queue.briefing")}</b> {briefingText(briefing.value)}
                </span>
                <IconButton icon="close" label={t("dismiss")} onClick={() => (briefing.value = null)} />
              </div>
            )}
            <NewTask />
          </aside>
          <div class="queue-main">
            <DelegatedGroup />
            {tasks.value.length === 0 && <EmptyState icon="queue" text={t("queue.empty")} />}
            {STATUSES.map((status) => (
              <TaskGroup
                key={status}
                status={status}
                selected={selected.value}
                onFocus={(id) => (selected.value = id)}
                onDecide={decide}
                onReview={(task) => (reviewing.value = task)}
              />
            ))}
          </div>
        </div>
      )}
      {confirming.value && (
        <IrreversibleDialog
          task={confirming.value}
          onClose={() => (confirming.value = null)}
          onApprove={(task) => send(task, true)}
        />
      )}
      {reviewing.value && (
        <ProposalDialog task={reviewing.value} onClose={() => (reviewing.value = null)} onDecide={send} />
      )}
      {moderating.value && <ModerationDialog task={moderating.value} onClose={() => (moderating.value = null)} />}
      {declining.value && (
        <AskDialog
          title={t("queue.reject")}
          text={t("queue.declineEffect", { title: declining.value.title })}
          action={t("queue.reject")}
          destructive
          onClose={() => (declining.value = null)}
          onConfirm={async () => {
            const task = declining.value!;
            declining.value = null;
            send(task, false);
          }}
        />
      )}
    </section>
  );
}

/** The briefing in the language of the page; the server's own sentence is for agents. */
function briefingText({ completedToday, blocked, stillReady }: Briefing): string {
  const waits = blocked ? t("queue.briefingBlocked", { n: blocked }) : t("queue.briefingUnblocked");
  return [t("queue.briefingDone", { n: completedToday }), waits, t("queue.briefingReady", { n: stillReady })].join(" ");
}

/** Asks before what an agent can't take back. */
function IrreversibleDialog({
  task,
  onClose,
  onApprove,
}: {
  task: Task;
  onClose: () => void;
  onApprove: (task: Task) => void;
}) {
  return (
    <FormDialog
      title={t("queue.irreversible")}
      action={t("queue.approve")}
      destructive
      onClose={onClose}
      onSend={async () => {
        onClose();
        onApprove(task);
      }}
    >
      <p dir="auto">{task.title}</p>
      <p>{t("queue.irreversibleNote")}</p>
    </FormDialog>
  );
}
