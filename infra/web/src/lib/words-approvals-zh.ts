import type { approvalsEn } from "./words-approvals-en";

export const approvalsZh: Record<keyof typeof approvalsEn, string> = {
  "proposal.tool": "工具",
  "proposal.why": "原因",
  "proposal.otherwise": "否则",
  "proposal.until": "截止时间",
  "proposal.final": "无法撤销",
  "proposal.review": "查看",
  "proposal.arguments": "参数",
  "proposal.reason": "理由",
  "proposal.reasonHint": "无论批准还是拒绝，智能体都会看到此理由。",
  "proposal.json": "使用 JSON 格式。",
  "proposal.notJson": "{name} 必须是 JSON 格式。",
  "proposal.changed": "您修改了：{names}",
  "proposal.said": "您的理由：",
  "proposal.discussion": "提问与回答",
  "proposal.ask": "提问或回答",
  "proposal.send": "发送",
  "proposal.you": "您",
  "proposal.asked": "{name}：{text}",
  "proposal.expired": "已过期：{title}",
};
