import { Fragment } from "preact";
import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { listText, t } from "../lib/i18n";
import {
  commented,
  discussed,
  editsOf,
  kindOf,
  loadApproval,
  proposalOf,
  sendComment,
  textOf,
  type Proposal,
} from "../lib/proposals";
import type { Allowed, Decided, Task } from "../lib/queue";
import { draftKey } from "../ui/draft";
import { FormDialog } from "../ui/form";
import { Loaded } from "../ui/loaded";
import { Chip, Field, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { showError } from "../ui/toasts";

/** What an agent wants to do, as fields. */
export function ProposalFields({ task }: { task: Task }) {
  const proposal = proposalOf(task);
  const { decision } = task;
  return (
    <>
      {proposal && (
        <dl class="proposal">
          <dt>{t("proposal.tool")}</dt>
          <dd dir="auto">
            <code>{proposal.tool}</code> {!proposal.reversible && <Chip kind="chip-urgent">{t("proposal.final")}</Chip>}
          </dd>
          {Object.entries(proposal.arguments).map(([name, value]) => (
            <Fragment key={name}>
              <dt dir="auto">{name}</dt>
              <dd dir="auto">{textOf(value)}</dd>
            </Fragment>
          ))}
          <dt>{t("proposal.why")}</dt>
          <dd dir="auto">{proposal.why}</dd>
          {proposal.otherwise && (
            <>
              <dt>{t("proposal.otherwise")}</dt>
              <dd dir="auto">{proposal.otherwise}</dd>
            </>
          )}
          {proposal.expiresAt && (
            <>
              <dt>{t("proposal.until")}</dt>
              <dd>
                <Time at={proposal.expiresAt} />
              </dd>
            </>
          )}
        </dl>
      )}
      {decision && decision.changed.length > 0 && (
        <p class="faint">{t("proposal.changed", { names: listText(decision.changed) })}</p>
      )}
      {decision?.decidedBy && (
        <p class="faint">
          <bdi>{t("proposal.decidedBy", { name: decision.decidedBy })}</bdi>
        </p>
      )}
      {decision?.standingApprovalId && <p class="faint">{t("proposal.by")}</p>}
      {decision?.reason && (
        <p class="task-text" dir="auto">
          <b>{t("proposal.said")}</b> {decision.reason}
        </p>
      )}
    </>
  );
}

interface DialogProps {
  task: Task;
  /** Whether it is somebody else's: then nothing is discussed, and nothing is allowed from now on. */
  isDelegated?: boolean;
  onClose: () => void;
  onDecide: (task: Task, isApproved: boolean, decided: Decided, allowed?: Allowed) => void;
}

/** Lets a person edit a proposal before they approve it, say why, and ask back. */
export function ProposalDialog({ task, isDelegated = false, onClose, onDecide }: DialogProps) {
  const proposal = proposalOf(task);
  const draft = `proposal.${task.id}`;
  const isAllowing = useSignal(false);
  const fields = useRef<HTMLDivElement>(null);
  const reasonOf = (form: FormData) => String(form.get("reason") ?? "").trim() || undefined;
  return (
    <FormDialog
      title={task.title}
      action={t("queue.approve")}
      wide
      draft={draft}
      destructive={proposal?.reversible === false}
      onClose={onClose}
      onSend={async (_, form) => {
        const edits = proposal ? editsOf(proposal, form) : {};
        const changes = Object.keys(edits).length ? { arguments: edits } : {};
        onClose();
        const allowed = proposal && isAllowing.value ? allowedBy(proposal, edits, form) : undefined;
        onDecide(task, true, { ...changes, reason: reasonOf(form) }, allowed);
      }}
    >
      <div ref={fields} class="form">
        {proposal && (
          <>
            <p dir="auto">{proposal.why}</p>
            {!proposal.reversible && <p class="error">{t("queue.irreversibleNote")}</p>}
            <fieldset class="form">
              <legend>
                {t("proposal.arguments")} · <code>{proposal.tool}</code>
              </legend>
              <Arguments proposal={proposal} />
            </fieldset>
          </>
        )}
        <Field label={t("proposal.reason")} hint={t("proposal.reasonHint")}>
          <textarea name="reason" rows={2} maxLength={1000} dir="auto" />
        </Field>
      </div>
      {proposal?.reversible && task.proposedBy && !isDelegated && <StandingLimits proposal={proposal} isOn={isAllowing} />}
      <div class="row">
        <button
          type="button"
          class="button button-danger"
          onClick={() => {
            const form = new FormData(fields.current!.closest("form")!);
            sessionStorage.removeItem(draftKey(draft));
            onClose();
            onDecide(task, false, { reason: reasonOf(form) });
          }}
        >
          {t("queue.reject")}
        </button>
      </div>
      {!isDelegated && <Discussion task={task} />}
    </FormDialog>
  );
}

const DAY_MS = 86_400_000;

function allowedBy(proposal: Proposal, edits: Record<string, unknown>, form: FormData): Allowed {
  const until = new Date(Date.now() + Number(form.get("days")) * DAY_MS).toISOString();
  const given = { ...proposal.arguments, ...edits };
  const most: Record<string, number> = {};
  for (const name of numbersOf(proposal)) {
    const text = String(form.get(`most.${name}`) ?? "").trim();
    if (text) most[name] = Number(text);
  }
  return { until, uses: Number(form.get("uses")), required: form.has("same") ? given : {}, most };
}

const numbersOf = (proposal: Proposal) =>
  Object.keys(proposal.arguments).filter((name) => kindOf(proposal.arguments[name]) === "number");

/** Lets the agent do the same from now on, within limits. */
function StandingLimits({ proposal, isOn }: { proposal: Proposal; isOn: Signal<boolean> }) {
  const isSame = useSignal(true);
  return (
    <>
      <label class="check">
        <input
          type="checkbox"
          name="standing"
          checked={isOn.value}
          onChange={(event) => (isOn.value = event.currentTarget.checked)}
        />{" "}
        {t("standing.allow")}
      </label>
      {isOn.value && (
        <div class="form">
          <label class="check">
            <input
              type="checkbox"
              name="same"
              checked={isSame.value}
              onChange={(event) => (isSame.value = event.currentTarget.checked)}
            />{" "}
            {t("standing.same")}
          </label>
          {!isSame.value &&
            numbersOf(proposal).map((name) => (
              <Field key={name} label={t("standing.most", { name })} hint={t("standing.mostHint")}>
                <input type="number" name={`most.${name}`} step="any" />
              </Field>
            ))}
          <Field label={t("standing.days")}>
            <input type="number" name="days" required min={1} max={365} defaultValue="30" />
          </Field>
          <Field label={t("standing.count")}>
            <input type="number" name="uses" required min={1} max={10000} defaultValue="20" />
          </Field>
        </div>
      )}
    </>
  );
}

function Arguments({ proposal }: { proposal: Proposal }) {
  return (
    <>
      {Object.entries(proposal.arguments).map(([name, value]) => {
        const kind = kindOf(value);
        const field = `argument.${name}`;
        if (kind === "boolean")
          return (
            <label class="check" key={name}>
              <input type="checkbox" name={field} defaultChecked={value === true} /> <span dir="auto">{name}</span>
            </label>
          );
        const text = textOf(value, 1);
        const isLong = kind === "json" || text.length > 80 || text.includes("\n");
        return (
          <Field key={name} label={name} hint={kind === "json" ? t("proposal.json") : undefined}>
            {isLong ? (
              <textarea name={field} rows={4} defaultValue={text} dir="auto" />
            ) : (
              <input name={field} inputMode={kind === "number" ? "decimal" : "text"} defaultValue={text} dir="auto" />
            )}
          </Field>
        );
      })}
    </>
  );
}

function Discussion({ task }: { task: Task }) {
  const approval = useResource(() => loadApproval(task));
  const { id, count } = commented.value;
  useEffect(() => {
    if (id === task.id) void approval.reload();
  }, [id, count]);
  useEffect(() => {
    discussed.value = task.id;
    return () => void (discussed.value = "");
  }, [task.id]);
  const field = useRef<HTMLTextAreaElement>(null);
  const text = useSignal("");
  const busy = useSignal(false);
  const send = async () => {
    if (!text.value.trim() || busy.value) return;
    busy.value = true;
    try {
      const found = await sendComment(task, text.value.trim());
      approval.state.value = { status: "ready", value: found };
      // The draft of the form forgets it, too.
      field.current!.value = "";
      field.current!.dispatchEvent(new Event("input", { bubbles: true }));
    } catch (error) {
      showError(error);
    }
    busy.value = false;
  };
  return (
    <section class="discussion form" aria-label={t("proposal.discussion")}>
      <h3>{t("proposal.discussion")}</h3>
      <Loaded resource={approval}>
        {({ comments }) => (
          <ol class="comments" aria-live="polite">
            {comments.map((each, at) => (
              <li key={at}>
                <p class="faint">
                  <b dir="auto">{each.author === "person" ? t("proposal.you") : each.name}</b> · <Time at={each.at} />
                </p>
                <p class="task-text" dir="auto">
                  {each.text}
                </p>
              </li>
            ))}
          </ol>
        )}
      </Loaded>
      <Field label={t("proposal.ask")}>
        <textarea
          ref={field}
          name="comment"
          rows={2}
          maxLength={1000}
          dir="auto"
          value={text.value}
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
      </Field>
      <div class="row row-end">
        <button type="button" class="button" disabled={busy.value || !text.value.trim()} onClick={() => void send()}>
          {t("proposal.send")}
        </button>
      </div>
    </section>
  );
}
