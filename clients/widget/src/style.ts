/** The look of the widget. Pages set its custom properties; its rules reach nothing outside, and no rule outside reaches it. */

export const STYLE = `
:host {
  --_background: var(--fluxden-background, light-dark(#ffffff, #17191d));
  --_color: var(--fluxden-color, light-dark(#1b1d21, #eceef2));
  --_soft: var(--fluxden-soft-color, light-dark(#565c66, #a6adb9));
  --_border: var(--fluxden-border-color, light-dark(#dcdfe4, #343840));
  --_accent: var(--fluxden-accent, light-dark(#2457d6, #8fb0ff));
  --_hover: var(--fluxden-hover, light-dark(#f4f5f7, #20242a));
  display: block;
  color-scheme: light dark;
  box-sizing: border-box;
  border: 1px solid var(--_border);
  border-radius: var(--fluxden-radius, 10px);
  background: var(--_background);
  color: var(--_color);
  font: var(--fluxden-font, 15px/1.45 system-ui, "Noto Sans SC", sans-serif);
  overflow: hidden;
}
:host([hidden]) { display: none; }
* { box-sizing: border-box; }
header { display: flex; align-items: baseline; gap: 8px; padding: 12px 16px; border-bottom: 1px solid var(--_border); }
h2 { margin: 0; font-size: 1.05em; }
.count { color: var(--_soft); font-size: .88em; }
.offline { margin-inline-start: auto; color: var(--_soft); font-size: .88em; }
ul { margin: 0; padding: 0; list-style: none; max-height: var(--fluxden-height, 480px); overflow-y: auto; }
li + li { border-top: 1px solid var(--_border); }
.row {
  display: grid; grid-template-columns: 8px minmax(0, 1fr) auto; gap: 2px 10px; width: 100%; padding: 10px 16px;
  border: 0; background: none; color: inherit; font: inherit; text-align: start; cursor: pointer;
}
.row:hover { background: var(--_hover); }
:focus-visible { outline: 2px solid var(--_accent); outline-offset: -2px; }
.mark { width: 8px; height: 8px; margin-top: .45em; border-radius: 50%; }
.unread .mark { background: var(--_accent); }
.title { overflow-wrap: anywhere; }
.unread .title { font-weight: 600; }
.critical .severity { color: light-dark(#b3261e, #ff9c94); font-weight: 600; }
time, .severity { color: var(--_soft); font-size: .85em; white-space: nowrap; }
.severity { grid-column: 2; }
.detail { padding: 0 16px 14px 34px; }
.detail p { margin: 0 0 10px; white-space: pre-wrap; overflow-wrap: anywhere; }
.detail a { color: var(--_accent); margin-inline-end: 14px; }
.said { margin: 0; padding: 20px 16px; color: var(--_soft); }
button.plain {
  padding: 6px 12px; border: 1px solid var(--_border); border-radius: 6px; background: var(--_background);
  color: inherit; font: inherit; font-size: .9em; cursor: pointer;
}
button.plain:hover { background: var(--_hover); }
footer { padding: 10px 16px; border-top: 1px solid var(--_border); }
[hidden] { display: none !important; }
`;
