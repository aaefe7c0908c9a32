import { language } from "../lib/i18n";

const HEIGHT = 40;
const STEP = 3;
const numbers = new Intl.NumberFormat(language);
const days = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", timeZone: "UTC" });
const DAY = 86_400_000;

interface Props {
  /** One value a day, ending today. Days are in UTC. */
  values: number[];
  label: string;
  today: number;
}

/** Return the least of 1, 2, 5, 10, 20, 50, … that is not below `most`. */
export function axisEnd(most: number): number {
  for (let unit = 1; ; unit *= 10) {
    for (const step of [1, 2, 5]) if (step * unit >= most) return step * unit;
  }
}

/** A bar chart of days with both axes: the numbers from zero to the end of the axis, and the first, middle and last day. */
export function DailyChart({ values, label, today }: Props) {
  const end = axisEnd(Math.max(1, ...values));
  const dayOf = (index: number): string => days.format(today - (values.length - 1 - index) * DAY);
  const marks = end % 2 ? [end, 0] : [end, end / 2, 0];
  return (
    <figure class="chart">
      <div class="chart-numbers" aria-hidden="true">
        {marks.map((each) => (
          <span key={each}>{numbers.format(each)}</span>
        ))}
      </div>
      <svg viewBox={`0 0 ${values.length * STEP} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
        {marks.map((each) => (
          <line key={each} x1={0} x2={values.length * STEP} y1={HEIGHT - (each / end) * HEIGHT} y2={HEIGHT - (each / end) * HEIGHT} />
        ))}
        {values.map((value, index) => (
          <g key={index}>
            <title>{`${dayOf(index)}: ${numbers.format(value)}`}</title>
            <rect class="chart-day" x={index * STEP} y={0} width={STEP} height={HEIGHT} />
            {value > 0 && (
              <rect
                x={index * STEP}
                y={HEIGHT - Math.max(1, (value / end) * HEIGHT)}
                width={STEP - 1}
                height={Math.max(1, (value / end) * HEIGHT)}
              />
            )}
          </g>
        ))}
      </svg>
      <div class="chart-days" aria-hidden="true">
        {[0, Math.floor((values.length - 1) / 2), values.length - 1].map((index) => (
          <span key={index}>{dayOf(index)}</span>
        ))}
      </div>
    </figure>
  );
}
