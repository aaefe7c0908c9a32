import { valueLabel, t } from "../lib/i18n";
import {
  metadataOf,
  isFromOtherDesk,
  isHeldEvent,
  moveTask,
  remoteOriginOf,
  type Status,
  type Task,
  tasksOf,
  totals,
} from "../lib/queue";
import { cancelHold, isHeld } from "../lib/holds";
import { useArmed } from "../ui/armed";
import { Icon } from "../ui/icons";
import { RemoteOrigin } from "../ui/remote";
import { ProposalFields } from "./proposal";
import { Chip, Time } from "../ui/parts";

interface TaskGroupProps {
  status: Status;
  selected: string | null;
  onFocus: (id: string) => void;
  onDecide: (task: Task, isApproved: boolean) => void;
  onReview: (task: Task) => void;
}

/** The tasks of one status, each with the buttons of what can be done with it. */
export function TaskGroup({ status, selected, onFocus, onDecide, onReview }: TaskGroupProps) {
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
