import { t } from "../lib/i18n";
import { Chip, Time } from "../ui/parts";
import type { Person } from "../lib/person";

/** What a person has and belongs to. */
export function Overview({ of: person }: { of: Person }) {
  return (
    <>
      <dl class="stats">
        <div class="stat">
          <dt>{t("people.lastSeen")}</dt>
          <dd>{person.lastSeenAt ? <Time at={person.lastSeenAt} /> : t("people.never")}</dd>
        </div>
        {(["passkeys", "connections", "browsers"] as const).map((each) => (
          <div class="stat" key={each}>
            <dt>{t(`people.${each}`)}</dt>
            <dd>
              <b>{person[each]}</b>
            </dd>
          </div>
        ))}
      </dl>
      {person.groups.length > 0 && (
        <section>
          <h3>{t("people.groups")}</h3>
          <ul class="chips">
            {person.groups.map((each) => (
              <li key={each}>
                <Chip>{each}</Chip>
              </li>
            ))}
          </ul>
        </section>
      )}
      <section>
        <h3>{t("people.projects")}</h3>
        {person.projects.length === 0 ? (
          <p class="faint">{t("people.noProjects")}</p>
        ) : (
          <ul class="chips">
            {person.projects.map((each) => (
              <li key={each.slug}>
                <Chip title={each.slug}>
                  {each.name}
                  {each.role === "admin" && ` · ${t("people.projectAdmin")}`}
                </Chip>
              </li>
            ))}
          </ul>
        )}
      </section>
    </>
  );
}
