import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { decideDelegated, delegatedTasks, loadDelegated, type DelegatedTask } from "../lib/delegations";
import { cancelHold, isHeld } from "../lib/holds";
import { t, valueLabel } from "../lib/i18n";
import { isIrreversible } from "../lib/queue";
import { route } from "../lib/router";
import { Icon } from "../ui/icons";
import { Chip, Time } from "../ui/parts";
import { ProposalDialog, ProposalFields } from "./proposal";

/** The proposals on which the person decides for others. Nothing where there are none. */
export function DelegatedGroup() {
  const reviewing = useSignal<DelegatedTask | null>(null);
  useEffect(() => void loadDelegated(), []);
  const found = delegatedTasks.value;
  const reviewed = reviewing.value;
  // A toast or a browser notification opens the queue at one of them.
  const { id } = route.value;
  const isLoaded = found.some((each) => each.task.id === id);
  useEffect(() => {
    if (isLoaded) document.querySelector<HTMLElement>(`[data-delegated="${CSS.escape(id!)}"]`)?.focus();
  }, [id, isLoaded]);
  if (!found.length) return null;
  return (
    <section class="group" aria-label={t("delegated.title")}>
      <h2>
        {t("delegated.title")} <span class="count">{found.length}</span>
      </h2>
      <ul class="tasks">
        {found.map((each) => (
          <li key={each.task.id}>
            <DelegatedRow of={each} onReview={() => (reviewing.value = each)} />
          </li>
        ))}
      </ul>
      {reviewed && (
        <ProposalDialog
          task={reviewed.task}
          isDelegated
          onClose={() => (reviewing.value = null)}
          onDecide={(_, isApproved, decided) => decideDelegated(reviewed, isApproved, decided)}
        />
      )}
    </section>
  );
}

function DelegatedRow({ of, onReview }: { of: DelegatedTask; onReview: () => void }) {
  const { task, delegator } = of;
  const held = isHeld(task.id);
  return (
    <article class={`task ${held ? "task-held" : ""}`} tabIndex={0} data-delegated={task.id} aria-label={task.title}>
      <div class="task-main">
        <p class="task-title">
          <Chip kind={`chip-${task.priority}`}>{valueLabel("priority", task.priority)}</Chip>
          <bdi>{task.title}</bdi>
        </p>
        {task.description && (
          <p class="task-text" dir="auto">
            {task.description}
          </p>
        )}
        <ProposalFields task={task} />
        <p class="faint">
          <b>
            <bdi>{t("delegated.for", { name: delegator.name })}</bdi>
          </b>{" "}
          · <bdi>{t("proposal.agent", { name: task.proposedBy ?? "" })}</bdi> · <Time at={task.createdAt} />
        </p>
      </div>
      <div class="task-actions">
        {held ? (
          <button type="button" class="button" onClick={() => cancelHold(task.id)}>
            {t("undo")}
          </button>
        ) : (
          <>
            <button
              type="button"
              class="button button-primary"
              onClick={() => (isIrreversible(task) ? onReview() : decideDelegated(of, true))}
            >
              <Icon name="check" size={16} /> {t("queue.approve")}
            </button>
            <button type="button" class="button" onClick={() => decideDelegated(of, false)}>
              <Icon name="close" size={16} /> {t("queue.reject")}
            </button>
            <button type="button" class="button" onClick={onReview}>
              {t("proposal.review")}
            </button>
          </>
        )}
      </div>
    </article>
  );
}
