import { t } from "../lib/i18n";
import { setShortcutsEnabled, shortcutsEnabled } from "../lib/shortcuts";
import { Dialog } from "../ui/parts";
import type { PageName } from "./layout";

interface ShortcutsProps {
  pages: Array<{ name: PageName; key: string }>;
  onClose: () => void;
}

/** The shortcuts of each page, and the switch that turns them off. */
export function ShortcutsDialog({ pages, onClose }: ShortcutsProps) {
  const groups: Array<[string, Array<[string[], string]>]> = [
    [
      t("help.everywhere"),
      [
        ...pages.map(({ name, key }): [string[], string] => [["g", key], t(`page.${name}`)]),
        [["Ctrl", "K"], t("palette.title")],
        [["z"], t("undo")],
        [["?"], t("help.title")],
      ],
    ],
    [
      t("page.inbox"),
      [
        [["j", "k"], t("help.move")],
        [["e"], t("help.archive")],
        [["r"], t("help.read")],
        [["s"], t("help.snooze")],
        [["x"], t("help.select")],
        [["Shift", "j", "k"], t("help.selectMore")],
        [["a"], t("help.selectAll")],
        [["R"], t("help.resolve")],
        [["v", "1"], t("help.view")],
        [["/"], t("help.search")],
        [["Esc"], t("close")],
      ],
    ],
    [
      t("page.queue"),
      [
        [["j", "k"], t("help.move")],
        [["y"], t("queue.approve")],
        [["n"], t("queue.reject")],
      ],
    ],
    [
      t("page.board"),
      [
        [["Space"], t("help.lift")],
        [["←", "→", "↑", "↓"], t("help.carry")],
        [["Enter"], t("help.open")],
        [["Esc"], t("help.cancelMove")],
      ],
    ],
  ];
  return (
    <Dialog title={t("help.title")} onClose={onClose} wide>
      <div class="help">
        {groups.map(([title, keys]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {keys.map(([pressed, text]) => (
                <div key={text}>
                  <dt>
                    {pressed.map((each) => (
                      <kbd key={each}>{each}</kbd>
                    ))}
                  </dt>
                  <dd>{text}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <label class="check">
        <input
          type="checkbox"
          checked={shortcutsEnabled.value}
          onChange={(event) => setShortcutsEnabled(event.currentTarget.checked)}
        />
        {t("help.enable")}
      </label>
    </Dialog>
  );
}
