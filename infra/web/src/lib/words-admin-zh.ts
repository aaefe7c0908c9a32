import type { adminEn } from "./words-admin-en";

/** The first event of an integrator, and the delivery log, in Chinese. */
export const adminZh: Record<keyof typeof adminEn, string> = {
  "setup.title": "发布第一个事件",
  "setup.note": "这些程序向 {email} 发送一个事件，并从环境变量 FLUXDEN_TOKEN 读取令牌。",
  "setup.languages": "语言",
  "setup.curl": "curl",
  "setup.python": "Python",
  "setup.typescript": "TypeScript",
  "setup.code": "程序",
  "setup.send": "发送测试事件",
  "setup.sending": "正在发送…",
  "setup.eventTitle": "{integrator} 的测试事件",
  "setup.waiting": "已接受。正在等待通知…",
  "setup.listening": "{prefix}* 发给您的内容会显示在这里。",
  "setup.arrived": "已送达",
  "setup.notDelivered": "令牌有效，但事件无法送达您：{reason}",
  "setup.no_approved_request": "您尚未获准使用此集成系统。请在“目录”或“审批”中授予自己访问权限。",
  "setup.no_token": "您没有此集成系统的令牌。",
  "setup.token_disabled": "您已停用此集成。",
  "setup.severity_above_ceiling": "级别超过了您的令牌上限。",
  "setup.user_not_found": "这里没有您的地址。",
  "setup.user_inactive": "您的帐户未启用。",
};
