// Which texts are schedules: five fields as cron has them, or a word such as @daily.
// Source: github.com/robfig/cron/v3 ParseStandard.

type Field = { readonly low: number; readonly high: number; readonly names: readonly string[] };

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const fields: readonly Field[] = [
  { low: 0, high: 59, names: [] },
  { low: 0, high: 23, names: [] },
  { low: 1, high: 31, names: [] },
  { low: 1, high: 12, names: months },
  { low: 0, high: 6, names: days },
];
const words = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
const duration = /^[+-]?((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))+$/;

/** What is wrong with a schedule; null: nothing. */
export function scheduleProblem(given: string): string | null {
  const schedule = given.replace(/^(CRON_)?TZ=\S+\s+/, "").trim();
  if (schedule.startsWith("@")) return wordProblem(schedule);
  const parts = schedule.split(/\s+/).filter((part) => part !== "");
  if (parts.length !== fields.length) {
    return `expected exactly 5 fields, found ${parts.length}: [${parts.join(" ")}]`;
  }
  for (const [index, field] of fields.entries()) {
    const problem = fieldProblem(parts[index] ?? "", field);
    if (problem !== null) return problem;
  }
  return null;
}

function wordProblem(word: string): string | null {
  if (words.includes(word)) return null;
  const every = /^@every (.+)$/.exec(word)?.[1];
  if (every === undefined) return `unrecognized descriptor: ${word}`;
  return duration.test(every) ? null : `failed to parse duration ${word}: time: invalid duration "${every}"`;
}

function fieldProblem(text: string, field: Field): string | null {
  for (const part of text.split(",")) {
    const problem = part === "" ? null : rangeProblem(part, field);
    if (problem !== null) return problem;
  }
  return null;
}

function rangeProblem(text: string, field: Field): string | null {
  const [range = "", step, ...tooMany] = text.split("/");
  if (tooMany.length > 0) return `too many slashes: ${text}`;
  const [first = "", last, ...more] = range.split("-");
  if (more.length > 0) return `too many hyphens: ${text}`;
  const isAny = first === "*" || first === "?";
  const low = isAny ? field.low : numberOf(first, field);
  if (typeof low === "string") return low;
  const high = isAny
    ? field.high
    : last === undefined
      ? step === undefined
        ? low
        : field.high
      : numberOf(last, field);
  if (typeof high === "string") return high;
  if (step !== undefined && !/^\d+$/.test(step)) return unreadable(step);
  if (low < field.low) return `beginning of range (${low}) below minimum (${field.low}): ${text}`;
  if (high > field.high) return `end of range (${high}) above maximum (${field.high}): ${text}`;
  if (low > high) return `beginning of range (${low}) beyond end of range (${high}): ${text}`;
  return Number(step ?? 1) === 0 ? `step of range should be a positive number: ${text}` : null;
}

function unreadable(text: string): string {
  return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
}

function numberOf(text: string, { low, names }: Field): number | string {
  const named = names.indexOf(text.toLowerCase());
  if (named >= 0) return named + low;
  return /^\d+$/.test(text) ? Number(text) : unreadable(text);
}
