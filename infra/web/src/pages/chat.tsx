import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import {
  earlierCursor,
  chatState,
  loadChat,
  loadEarlier,
  isChatOpen,
  type Message,
  messages,
  sendMessage,
  unreadMessages,
} from "../lib/chat";
import { t } from "../lib/i18n";
import { type Mention, searchMentions, mentionAt } from "../lib/mentions";
import { me } from "../lib/session";
import { date, fullTime, clockTime } from "../lib/time";
import { useDraft } from "../ui/draft";
import { Icon } from "../ui/icons";
import { Markdown } from "../ui/markdown";
import { Avatar, EmptyState, Skeleton, ErrorState } from "../ui/parts";
import { showError } from "../ui/toasts";

export function Chat() {
  const log = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const heightBefore = useRef(0);
  useEffect(() => {
    isChatOpen.value = true;
    unreadMessages.value = 0;
    void loadChat();
    return () => {
      isChatOpen.value = false;
    };
  }, []);
  const list = messages.value;
  // Stay at the end if the user is there. Otherwise keep the visible messages in place when earlier ones are added.
  useLayoutEffect(() => {
    const element = log.current;
    if (!element) return;
    if (atEnd.current) element.scrollTop = element.scrollHeight;
    else if (heightBefore.current) element.scrollTop += element.scrollHeight - heightBefore.current;
    heightBefore.current = 0;
  }, [list, chatState.value]);
  const earlier = () => {
    heightBefore.current = log.current?.scrollHeight ?? 0;
    atEnd.current = false;
    void loadEarlier();
  };
  const loadState = chatState.value;
  return (
    <section class="page chat" aria-label={t("page.chat")}>
      <header class="head">
        <h1>{t("page.chat")}</h1>
        <p class="head-note">{t("chat.note")}</p>
      </header>
      <div
        class="chat-log"
        ref={log}
        tabIndex={0}
        role="log"
        aria-label={t("chat.messages")}
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          atEnd.current = scrollHeight - scrollTop - clientHeight < 60;
        }}
      >
        {typeof loadState === "object" ? (
          <ErrorState error={loadState.error} onRetry={() => void loadChat()} />
        ) : loadState === "loading" ? (
          <Skeleton rows={5} />
        ) : list.length === 0 ? (
          <EmptyState icon="chat" text={t("chat.empty")} />
        ) : (
          <>
            <div class="end">
              {earlierCursor.value ? (
                <button type="button" class="button" onClick={earlier} disabled={loadState === "more"}>
                  {t("chat.earlier")}
                </button>
              ) : (
                <span class="faint">{t("chat.beginning")}</span>
              )}
            </div>
            {list.map((each, index) => (
              <ChatMessage key={each.id} message={each} previous={list[index - 1]} />
            ))}
          </>
        )}
      </div>
      <Composer
        onSend={(text) => {
          atEnd.current = true;
          void sendMessage(text);
        }}
      />
    </section>
  );
}

function ChatMessage({ message, previous }: { message: Message; previous: Message | undefined }) {
  const isOwn = message.role === "user";
  const name = isOwn ? (me.value?.name ?? t("chat.you")) : (message.agentName ?? t("chat.agent"));
  const day = date(message.createdAt);
  const newDay = !previous || date(previous.createdAt) !== day;
  const continues =
    !newDay &&
    previous?.role === message.role &&
    previous.agentName === message.agentName &&
    Date.parse(message.createdAt) - Date.parse(previous.createdAt) < 5 * 60_000;
  return (
    <>
      {newDay && <p class="chat-day">{day}</p>}
      <div class={`message ${isOwn ? "message-own" : ""} ${continues ? "message-continued" : ""}`}>
        {!continues && <Avatar name={name} agent={!isOwn} />}
        <div class="message-body">
          {!continues && (
            <p class="message-author">
              <b>{name}</b>{" "}
              <time dateTime={message.createdAt} title={fullTime(message.createdAt)} class="faint">
                {clockTime(message.createdAt)}
              </time>
            </p>
          )}
          {isOwn ? <p class="message-text" dir="auto">{message.content}</p> : <Markdown text={message.content} level={2} />}
          {message.sending === "failed" && (
            <p class="error">
              {t("chat.notSent")}{" "}
              <button type="button" class="link" onClick={() => void sendMessage(message.content, message.id)}>
                {t("retry")}
              </button>
            </p>
          )}
        </div>
      </div>
    </>
  );
}

function Composer({ onSend }: { onSend: (text: string) => void }) {
  const area = useRef<HTMLTextAreaElement>(null);
  const suggestions = useSignal<Mention[]>([]);
  const active = useSignal(0);
  const searchTimer = useRef(0);

  const updateMentions = () => {
    clearTimeout(searchTimer.current);
    const element = area.current!;
    element.style.height = "auto";
    element.style.height = `${Math.min(element.scrollHeight, 200)}px`;
    const typed = mentionAt(element.value, element.selectionStart);
    if (!typed) {
      suggestions.value = [];
      return;
    }
    searchTimer.current = setTimeout(async () => {
      try {
        const rows = await searchMentions(typed.sign, typed.q);
        active.value = 0;
        suggestions.value = mentionAt(element.value, element.selectionStart) ? rows : [];
      } catch (error) {
        showError(error);
      }
    }, 150);
  };
  const insertMention = (mention: Mention) => {
    const element = area.current!;
    const typed = mentionAt(element.value, element.selectionStart);
    if (typed) element.setRangeText(`${mention.inserted} `, typed.start, element.selectionStart, "end");
    suggestions.value = [];
    element.focus();
  };
  const draft = useDraft("chat");
  const send = () => {
    const text = area.current!.value.trim();
    if (!text) return;
    area.current!.value = "";
    updateMentions();
    draft.forget();
    onSend(text);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const rows = suggestions.value;
    if (rows.length) {
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      if (step) active.value = (active.value + step + rows.length) % rows.length;
      else if (event.key === "Enter" || event.key === "Tab") insertMention(rows[active.value]!);
      else if (event.key === "Escape") suggestions.value = [];
      else return;
      event.preventDefault();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      send();
    }
  };
  return (
    <form
      ref={draft.form}
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {suggestions.value.length > 0 && (
        <ul class="mentions" id="mentions" role="listbox" aria-label={t("chat.mentions")}>
          {suggestions.value.map((each, index) => (
            <li
              key={`${each.kind}-${each.id}`}
              id={`mention-${index}`}
              role="option"
              aria-selected={index === active.value}
              onPointerDown={(event) => {
                event.preventDefault();
                insertMention(each);
              }}
            >
              <Avatar name={each.name} agent={each.kind === "agent" || each.kind === "command"} />
              <span class="mention-text">
                <b>{each.name}</b>
                <small>{each.detail}</small>
              </span>
            </li>
          ))}
        </ul>
      )}
      <textarea
        name="text"
        ref={area}
        rows={1}
        maxLength={10_000}
        placeholder={t("chat.write")}
        aria-label={t("chat.write")}
        aria-autocomplete="list"
        aria-controls={suggestions.value.length ? "mentions" : undefined}
        aria-activedescendant={suggestions.value.length ? `mention-${active.value}` : undefined}
        onInput={updateMentions}
        onKeyDown={onKeyDown}
        onBlur={() => (suggestions.value = [])}
      />
      <button type="submit" class="button button-primary" aria-label={t("chat.send")}>
        <Icon name="send" />
      </button>
    </form>
  );
}
