/** The texts of the widget, in the languages of a desk's console. */

const en = {
  inbox: "Inbox",
  unread: (count: number) => (count === 1 ? "1 unread notification" : `${count > 999 ? "1000+" : count} unread notifications`),
  empty: "You're all caught up. New notifications appear here.",
  loading: "Loading…",
  failed: "Notifications can't be loaded.",
  signedOut: "You are signed out. Reload the page.",
  retry: "Try again",
  more: "Show more",
  archive: "Archive",
  open: "Open in source system",
  offline: "Not connected. Trying again…",
  critical: "Critical",
  warn: "Warning",
  info: "Info",
  success: "Success",
};

export type Words = typeof en;

const zh: Words = {
  inbox: "收件箱",
  unread: (count) => `${count > 999 ? "1000+" : count} 条未读通知`,
  empty: "已全部处理。新通知会显示在这里。",
  loading: "正在加载…",
  failed: "无法加载通知。",
  signedOut: "你已退出登录。请刷新页面。",
  retry: "重试",
  more: "显示更多",
  archive: "归档",
  open: "在来源系统中打开",
  offline: "未连接，正在重试…",
  critical: "严重",
  warn: "警告",
  info: "信息",
  success: "成功",
};

/** Return the words of a language tag; of others than Chinese, the English ones. */
export function wordsOf(language: string): Words {
  return /^zh\b/i.test(language) ? zh : en;
}
