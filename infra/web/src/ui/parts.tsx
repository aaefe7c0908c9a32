import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, onRecovery } from "../lib/api";
import { t } from "../lib/i18n";
import { connectionState } from "../lib/live";
import { ago, fullTime } from "../lib/time";
import { Icon, type IconName } from "./icons";

export function Time({ at }: { at: string }) {
  return (
    <time dateTime={at} title={fullTime(at)}>
      {ago(at)}
    </time>
  );
}

export function Chip({ kind = "", title, children }: { kind?: string; title?: string; children: ComponentChildren }) {
  return (
    <span class={`chip ${kind}`} title={title}>
      {children}
    </span>
  );
}

interface IconButtonProps {
  icon: IconName;
  label: string;
  shortcut?: string;
  onClick: (event: MouseEvent) => void;
  pressed?: boolean;
  disabled?: boolean;
}

/** A button with an icon only. Its label is read out, and shown with its shortcut on hover. */
export function IconButton({ icon, label, shortcut, onClick, pressed, disabled }: IconButtonProps) {
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={label}
      aria-pressed={pressed}
      aria-keyshortcuts={shortcut}
      title={shortcut ? `${label} (${shortcut})` : label}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}

/** The heading of a page whose own one makes room for what is open, on a phone. It is only read out. */
export function NarrowTitle({ text }: { text: string }) {
  return (
    <div class="only-narrow">
      <h1 class="hidden">{text}</h1>
    </div>
  );
}

/** An empty state: an icon and one helpful sentence. */
export function EmptyState({ icon, text, children }: { icon: IconName; text: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <Icon name={icon} size={36} />
      <p>{text}</p>
      {children}
    </div>
  );
}

const FIRST_RETRY = 2;
const LAST_RETRY = 30;
let retryDelay = FIRST_RETRY;
onRecovery(() => (retryDelay = FIRST_RETRY));

/** Try again by itself when a temporary error may be over: after a while, when the network or the connection is back. */
export function useHealing(error: unknown, onRetry: () => void): void {
  const latest = useRef(onRetry);
  latest.current = onRetry;
  const isLive = connectionState.value === "live";
  const wasLive = useRef(isLive);
  useEffect(() => {
    const isBack = isLive && !wasLive.current;
    wasLive.current = isLive;
    if (!(error instanceof ApiError && error.isTemporary)) return;
    const retry = () => latest.current();
    const delay = isBack ? 0 : (error.retryAfter ?? retryDelay);
    retryDelay = Math.min(retryDelay * 2, LAST_RETRY);
    const timer = setTimeout(retry, delay * 1000);
    addEventListener("online", retry);
    return () => {
      clearTimeout(timer);
      removeEventListener("online", retry);
    };
  }, [error, isLive]);
}

/** An error state with a retry button. It goes away by itself when its cause does. */
export function ErrorState({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const failure = error instanceof ApiError ? error : null;
  useHealing(error, onRetry);
  return (
    <div class="empty" role="alert">
      <Icon name="warn" size={36} />
      <p>{failure?.message ?? t("error.unexpected")}</p>
      {failure?.requestId && <p class="faint mono">{t("error.requestId", { id: failure.requestId })}</p>}
      <button type="button" class="button" onClick={onRetry}>
        {t("retry")}
      </button>
    </div>
  );
}

export function Skeleton({ rows = 6, kind = "row" }: { rows?: number; kind?: "row" | "card" }) {
  return (
    <div class={`skeleton skeleton-${kind}`} role="status" aria-label={t("loading")}>
      {Array.from({ length: rows }, (_, index) => (
        <div class="skeleton-line" key={index}>
          <i />
          <i />
        </div>
      ))}
    </div>
  );
}

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  wide?: boolean;
  /** Whether a click outside leaves the dialog open, because it wants an answer. */
  persistent?: boolean;
  /** Whether only a button of its content closes the dialog, because its content can't be shown again. */
  unrepeatable?: boolean;
}

export function Dialog({ title, onClose, children, wide = false, persistent = false, unrepeatable = false }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    element.current?.showModal();
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    if (unrepeatable) addEventListener("beforeunload", ask);
    return () => {
      removeEventListener("beforeunload", ask);
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={wide ? "dialog-wide" : ""}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        if (!unrepeatable) onClose();
      }}
      onKeyDown={(event) => {
        // Browsers close a dialog at the second Escape, whatever the first one was answered.
        if (unrepeatable && event.key === "Escape") event.preventDefault();
      }}
      onClose={() => {
        if (unrepeatable && element.current?.isConnected) element.current.showModal();
      }}
      onClick={(event) => {
        if (event.target === element.current && !persistent && !unrepeatable) onClose();
      }}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 dir="auto">{title}</h2>
          {!unrepeatable && <IconButton icon="close" label={t("close")} onClick={onClose} />}
        </header>
        {children}
      </div>
    </dialog>
  );
}

interface FieldProps {
  label: string;
  hint?: string;
  error?: string | undefined;
  children: ComponentChildren;
}

export function Field({ label, hint, error, children }: FieldProps) {
  return (
    <label class="field">
      <span class="field-label">{label}</span>
      {children}
      {hint && <span class="field-hint">{hint}</span>}
      <FieldError text={error} />
    </label>
  );
}

/** The validation error of a field. */
export function FieldError({ text }: { text: string | undefined }) {
  return text ? (
    <span class="error" role="alert">
      {text}
    </span>
  ) : null;
}

interface SwitchProps {
  label: string;
  hint: string;
  on: boolean;
  onChange: (on: boolean) => void;
  disabled?: boolean;
}

export function Switch({ label, hint, on, onChange, disabled }: SwitchProps) {
  return (
    <label class="switch">
      <input
        type="checkbox"
        role="switch"
        checked={on}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span class="switch-text">
        <b>{label}</b>
        <small>{hint}</small>
      </span>
    </label>
  );
}

interface TabChoice {
  value: string;
  label: string;
  count?: number;
}

export function Tabs({
  label,
  choices,
  chosen,
  onChoose,
}: {
  label: string;
  choices: TabChoice[];
  chosen: string;
  onChoose: (value: string) => void;
}) {
  const list = useRef<HTMLDivElement>(null);
  // On a phone the tabs may be wider than the screen.
  useEffect(() => list.current?.querySelector("[aria-pressed=true]")?.scrollIntoView({ inline: "nearest", block: "nearest" }), [chosen]);
  return (
    <div class="tabs" role="group" aria-label={label} ref={list}>
      {choices.map((each) => (
        <button
          type="button"
          key={each.value}
          class="tab"
          aria-pressed={each.value === chosen}
          onClick={() => onChoose(each.value)}
        >
          {each.label}
          {each.count ? <span class="count">{each.count}</span> : null}
        </button>
      ))}
    </div>
  );
}

export function Avatar({ name, agent = false }: { name: string; agent?: boolean }) {
  const hue = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 6, 7);
  return (
    <span class={`avatar avatar-${hue}`} aria-hidden="true">
      {agent ? <Icon name="agent" size={16} /> : (name.trim()[0] ?? "?").toUpperCase()}
    </span>
  );
}
