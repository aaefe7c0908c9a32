import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { data } from "../lib/api";
import { t, valueLabel } from "../lib/i18n";
import { FormDialog } from "../ui/form";
import { Loaded } from "../ui/loaded";
import { Chip, Field, Time } from "../ui/parts";
import { type Resource, useResource } from "../ui/resource";
import { showError, showToast } from "../ui/toasts";
import type { Integrator } from "./admin-tokens";

interface Endpoint {
  integrator: string;
  origin: string;
  status: "active" | "failing" | "paused";
  failingSince: string | null;
  pausedAt: string | null;
  pausedBy: "operator" | "integrator" | "failures" | null;
  nextProbeAt: string | null;
  waiting: number | null;
}

interface Replay {
  replayId: string;
  integrator: string;
  origin: string;
  status: "running" | "done";
  examined: number;
  replayed: number;
}

type Named = Pick<Endpoint, "integrator" | "origin">;

const PATH = "api/v2/operate/callback-endpoints";
const REPLAYS = "api/v2/operate/callback-replays";
const CHIPS = { active: "chip-success", failing: "chip-warn", paused: "chip-critical" };
const DAYS = [1, 7, 30];
const DAY_MS = 86_400_000;
// A replay of some thousand callbacks takes seconds.
const POLL_MS = 1_500;

/** Endpoints of callbacks: those that fail or are paused, and a form for any other. */
export function Endpoints() {
  const resource = useResource(() => data<Endpoint[]>("GET", PATH));
  const dialog = useSignal<Partial<Named> | null>(null);
  const replay = useSignal<Replay | null>(null);
  return (
    <section class="endpoints" aria-label={t("endpoint.title")}>
      <div class="row">
        <div class="row-main">
          <h2>{t("endpoint.title")}</h2>
          <p class="faint">{t("endpoint.note")}</p>
        </div>
        <button type="button" class="button" onClick={() => (dialog.value = {})}>
          {t("endpoint.pauseOrReplay")}
        </button>
      </div>
      {replay.value && <ReplayProgress replay={replay.value} onChange={(now) => (replay.value = now)} />}
      <Loaded resource={resource}>
        {(rows) =>
          rows.length === 0 ? (
            <p class="note note-success">{t("endpoint.none")}</p>
          ) : (
            <ul class="rows">
              {rows.map((each) => (
                <li class="row-card" key={`${each.integrator} ${each.origin}`}>
                  <EndpointRow endpoint={each} resource={resource} onReplay={() => (dialog.value = each)} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      {dialog.value && (
        <EndpointDialog
          about={dialog.value}
          onClose={() => (dialog.value = null)}
          onPaused={() => void resource.reload()}
          onReplay={(begun) => (replay.value = begun)}
        />
      )}
    </section>
  );
}

interface RowProps {
  endpoint: Endpoint;
  resource: Resource<Endpoint[]>;
  onReplay: () => void;
}

function EndpointRow({ endpoint, resource, onReplay }: RowProps) {
  const { integrator, origin, status, failingSince, pausedAt, pausedBy, nextProbeAt, waiting } = endpoint;
  const change = async (what: "pause" | "resume") => {
    try {
      await data("POST", `${PATH}/${what}`, { integrator, origin });
      showToast(t(what === "pause" ? "endpoint.pausedToast" : "endpoint.resumedToast"));
      await resource.reload();
    } catch (error) {
      showError(error);
    }
  };
  return (
    <>
      <div class="row-main">
        <b class="mono endpoint-origin">{origin}</b>
        <p class="faint">
          {integrator}
          {failingSince && (
            <>
              {" "}
              · {t("endpoint.failingSince")} <Time at={failingSince} />
            </>
          )}
          {pausedAt && (
            <>
              {" "}
              · {pausedBy && valueLabel("pausedBy", pausedBy)} <Time at={pausedAt} />
            </>
          )}
          {nextProbeAt && (
            <>
              {" "}
              · {t("endpoint.nextProbe")} <Time at={nextProbeAt} />
            </>
          )}
        </p>
      </div>
      <Chip kind={CHIPS[status]}>
        {valueLabel("endpoint", status)}
        {waiting !== null && ` · ${t("endpoint.waiting", { n: waiting })}`}
      </Chip>
      <div class="task-actions">
        <button type="button" class="button" onClick={onReplay}>
          {t("endpoint.replay")}
        </button>
        {status === "paused" ? (
          <button type="button" class="button button-primary" onClick={() => void change("resume")}>
            {t("endpoint.resume")}
          </button>
        ) : (
          <button type="button" class="button" onClick={() => void change("pause")}>
            {t("endpoint.pause")}
          </button>
        )}
      </div>
    </>
  );
}

interface DialogProps {
  about: Partial<Named>;
  onClose: () => void;
  onPaused: () => void;
  onReplay: (replay: Replay) => void;
}

/** Pause an endpoint, or replay what failed at it since some days. */
function EndpointDialog({ about, onClose, onPaused, onReplay }: DialogProps) {
  const integrators = useResource(() => data<Integrator[]>("GET", "api/v2/operate/integrators"));
  const known = about.origin !== undefined;
  return (
    <FormDialog
      title={t(known ? "endpoint.replay" : "endpoint.pauseOrReplay")}
      action={t("endpoint.continue")}
      onClose={onClose}
      onSend={async (field) => {
        const named = { integrator: field("integrator"), origin: field("origin") };
        const days = Number(field("days"));
        if (days) {
          const since = new Date(Date.now() - days * DAY_MS).toISOString();
          onReplay(await data<Replay>("POST", `${PATH}/replay`, { ...named, since }));
        } else {
          await data("POST", `${PATH}/pause`, named);
          showToast(t("endpoint.pausedToast"));
          onPaused();
        }
        onClose();
      }}
    >
      <Loaded resource={integrators}>
        {(rows) => (
          <Field label={t("admin.integrator")}>
            <select name="integrator" defaultValue={about.integrator}>
              {rows
                .filter((each) => !known || each.slug === about.integrator)
                .map((each) => (
                  <option value={each.slug} key={each.slug}>
                    {each.name}
                  </option>
                ))}
            </select>
          </Field>
        )}
      </Loaded>
      <Field label={t("endpoint.origin")} hint={t("endpoint.originHint")}>
        <input name="origin" type="url" required maxLength={2048} defaultValue={about.origin} readOnly={known} />
      </Field>
      <Field label={t("endpoint.what")} hint={t("endpoint.replayHint")}>
        <select name="days">
          {!known && <option value="0">{t("endpoint.pause")}</option>}
          {DAYS.map((each) => (
            <option value={each} key={each}>
              {t("endpoint.replayDays", { n: each })}
            </option>
          ))}
        </select>
      </Field>
    </FormDialog>
  );
}

/** How far a replay is, until it is done. */
function ReplayProgress({ replay, onChange }: { replay: Replay; onChange: (replay: Replay) => void }) {
  useEffect(() => {
    if (replay.status === "done") return;
    const timer = setTimeout(() => {
      data<Replay>("GET", `${REPLAYS}/${replay.replayId}`).then(onChange, showError);
    }, POLL_MS);
    return () => clearTimeout(timer);
  }, [replay]);
  const text = replay.status === "done" ? "endpoint.replayDone" : "endpoint.replaying";
  return (
    <p class="note" role="status">
      <span class="mono endpoint-origin">{replay.origin}</span> {t(text, { n: replay.replayed })}
    </p>
  );
}
