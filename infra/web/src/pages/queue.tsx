import { useSignal } from "@preact/signals";
import { useDraft } from "../ui/draft";
import { useEffect, useRef } from "preact/hooks";
import { valueLabel, t } from "../lib/i18n";
import { route } from "../lib/router";
import { useShortcuts } from "../lib/shortcuts";
import {
  metadataOf,
  addTask,
  type Briefing,
  briefing,
  changeSettings,
  decideTask,
  isFromOtherDesk,
  isHeldEvent,
  isIrreversible,
  loadQueue,
  moveTask,
  remoteOriginOf,
  queueState,
  settings,
  STATUSES,
  type Allowed,
  type Decided,
  type Status,
  type Task,
  tasks,
  tasksOf,
  totals,
} from "../lib/queue";
import { cancelHold, isHeld } from "../lib/holds";
import { isArmed, useArmed } from "../ui/armed";
import { showToast } from "../ui/toasts";
import { AskDialog, FormDialog } from "../ui/form";
import { Icon } from "../ui/icons";
import { RemoteOrigin } from "../ui/remote";
import { DelegatedGroup } from "./delegated";
import { ProposalDialog, ProposalFields } from "./proposal";
import { ModerationDialog } from "./moderation";
import { Chip, EmptyState, Field, IconButton, Skeleton, Switch, Time, ErrorState } from "../ui/parts";

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

interface TaskGroupProps {
  status: Status;
  selected: string | null;
  onFocus: (id: string) => void;
  onDecide: (task: Task, isApproved: boolean) => void;
  onReview: (task: Task) => void;
}

function TaskGroup({ status, selected, onFocus, onDecide, onReview }: TaskGroupProps) {
  const inGroup = tasksOf(status);
  if (!inGroup.length) return null;
  const total = totals.value[status] ?? inGroup.length;
  return (
    <section class={`group group-${status}`} aria-label={valueLabel("status", status)}>
      <h2>
        {valueLabel("status", status)} <span class="count">{total}</span>
        {status === "pending_confirmation" && (
          <span class="faint keys-hint">
            <kbd>y</kbd> {t("queue.approve")} <kbd>n</kbd> {t("queue.reject")}
          </span>
        )}
      </h2>
      <ul class="tasks">
        {inGroup.map((task) => (
          <li key={task.id}>
            <TaskRow
              task={task}
              selected={task.id === selected}
              onFocus={onFocus}
              onDecide={onDecide}
              onReview={onReview}
            />
          </li>
        ))}
      </ul>
      {total > inGroup.length && <p class="faint end">{t("queue.notShown", { n: total - inGroup.length })}</p>}
    </section>
  );
}

function TaskRow({
  task,
  selected,
  onFocus,
  onDecide,
  onReview,
}: Omit<TaskGroupProps, "status" | "selected"> & { task: Task; selected: boolean }) {
  const result = metadataOf(task).agentResult;
  const held = isHeld(task.id);
  const row = useArmed();
  return (
    <article
      ref={row}
      class={`task ${selected ? "task-chosen" : ""} ${held ? "task-held" : ""}`}
      tabIndex={0}
      data-task={task.id}
      aria-label={task.title}
      onFocus={() => onFocus(task.id)}
    >
      <div class="task-main">
        <p class="task-title">
          <Chip kind={`chip-${task.priority}`}>{valueLabel("priority", task.priority)}</Chip>
          <bdi>{task.title}</bdi>
        </p>
        {task.description && <p class="task-text" dir="auto">{task.description}</p>}
        <ProposalFields task={task} />
        {isFromOtherDesk(task) && (
          <p class="faint">
            <RemoteOrigin {...remoteOriginOf(task)} />
          </p>
        )}
        {typeof result === "string" && (
          <p class="task-text">
            <b>{t("queue.result")}</b> <bdi>{result}</bdi>
          </p>
        )}
        <p class="faint">
          {valueLabel("taskType", task.type)}
          {task.source && <> · <bdi>{task.source}</bdi></>} · <Time at={task.createdAt} />
          {task.proposedBy && <> · <bdi>{t("proposal.agent", { name: task.proposedBy })}</bdi></>}
          {task.claimedBy && <> · {t("queue.claimedBy", { name: task.claimedBy })}</>}
        </p>
      </div>
      <div class="task-actions">
        {held && (
          <button type="button" class="button" aria-keyshortcuts="z" onClick={() => cancelHold(task.id)}>
            {t("undo")}
          </button>
        )}
        {task.status === "pending_confirmation" && !held && (
          <>
            <button
              type="button"
              class="button button-primary"
              onClick={() => onDecide(task, true)}
              aria-keyshortcuts="y"
            >
              <Icon name="check" size={16} /> {t("queue.approve")}
            </button>
            <button type="button" class="button" onClick={() => onDecide(task, false)} aria-keyshortcuts="n">
              <Icon name="close" size={16} /> {t("queue.reject")}
            </button>
            {!isHeldEvent(task) && !isFromOtherDesk(task) && (
              <button type="button" class="button" onClick={() => onReview(task)}>
                {t("proposal.review")}
              </button>
            )}
          </>
        )}
        {task.status === "ready" && <MoveButton task={task} to="in_progress" icon="play" label={t("queue.start")} />}
        {task.status === "in_progress" && (
          <MoveButton task={task} to="done_today" icon="check" label={t("queue.done")} />
        )}
        {task.status === "blocked" && <MoveButton task={task} to="ready" icon="refresh" label={t("queue.unblock")} />}
        {(task.status === "ready" || task.status === "in_progress") && (
          <MoveButton task={task} to="blocked" icon="pause" label={t("queue.block")} />
        )}
      </div>
    </article>
  );
}

/** The briefing in the language of the page; the server's own sentence is for agents. */
function briefingText({ completedToday, blocked, stillReady }: Briefing): string {
  const waits = blocked ? t("queue.briefingBlocked", { n: blocked }) : t("queue.briefingUnblocked");
  return [t("queue.briefingDone", { n: completedToday }), waits, t("queue.briefingReady", { n: stillReady })].join(" ");
}

function MoveButton({
  task,
  to,
  icon,
  label,
}: {
  task: Task;
  to: Status;
  icon: "play" | "check" | "refresh" | "pause";
  label: string;
}) {
  return (
    <button type="button" class="button" onClick={() => void moveTask(task, to)}>
      <Icon name={icon} size={16} /> {label}
    </button>
  );
}

function NewTask() {
  const busy = useSignal(false);
  const draft = useDraft("task");
  return (
    <form
      ref={draft.form}
      class="new-task"
      onSubmit={async (event) => {
        event.preventDefault();
        const form = event.currentTarget;
        const field = new FormData(form);
        const title = String(field.get("title")).trim();
        if (!title || busy.value) return;
        busy.value = true;
        const added = await addTask({ title, priority: String(field.get("priority")) as Task["priority"] });
        busy.value = false;
        if (!added) return;
        form.reset();
        draft.forget();
      }}
    >
      <Field label={t("queue.new")}>
        <input name="title" required maxLength={500} placeholder={t("queue.newHint")} autocomplete="off" />
      </Field>
      <div class="row">
        <select name="priority" aria-label={t("queue.priority")}>
          {["medium", "urgent", "high", "low"].map((each) => (
            <option value={each} key={each}>
              {valueLabel("priority", each)}
            </option>
          ))}
        </select>
        <button type="submit" class="button button-primary" disabled={busy.value}>
          <Icon name="plus" size={16} /> {t("queue.add")}
        </button>
      </div>
    </form>
  );
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
