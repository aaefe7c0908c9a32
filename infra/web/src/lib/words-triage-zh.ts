import type { triageEn } from "./words-triage-en";

export const triageZh: Record<keyof typeof triageEn, string> = {
  "queue.approving": "正在批准：{title}",
  "queue.rejecting": "正在拒绝：{title}",
  "queue.selectFirst": "请先选择一个任务。",
  "queue.justArrived": "此任务刚刚出现。请先阅读，再按一次该键。",
  "queue.irreversible": "此操作无法撤销",
  "queue.irreversibleNote": "智能体说明，其后的操作无法撤回。",
};
