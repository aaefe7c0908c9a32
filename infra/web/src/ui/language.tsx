import { chooseLanguage, chosenLanguage, LANGUAGES, t } from "../lib/i18n";

/** Chooses the language of the console in this browser. Its label is in every language, for who can't read this one. */
export function LanguageSelect() {
  return (
    <label class="language">
      <span lang="mul">Language / 语言</span>
      <select value={chosenLanguage() ?? ""} onChange={(event) => chooseLanguage(event.currentTarget.value)}>
        <option value="">{t("language.browser")}</option>
        {Object.entries(LANGUAGES).map(([tag, name]) => (
          <option value={tag} lang={tag} key={tag}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
