// The tables of README that say what is there: written from the table of resources and from what the model says of each
// field of a pod. `npm run docs` puts them between their markers.

import { subresourcesOf } from "../src/api/discovery.ts";
import { subresources } from "../src/api/subresources.ts";
import { apiVersionOf } from "../src/model/decode.ts";
import { podSupport } from "../src/model/pod-support.ts";
import { allVerbs, type Resource } from "../src/model/resource.ts";
import { resources } from "../src/model/resources.ts";
import type { Support } from "../src/model/support.ts";

const tables: Readonly<Record<string, () => string>> = { kinds: kindsTable, fields: fieldTables };

/** The text with its tables as they should be. Throws when a marker is missing. */
export function withTables(readme: string): string {
  return Object.entries(tables).reduce((text, [name, table]) => {
    const [begin, end] = [`<!-- ${name}: written by npm run docs -->`, `<!-- end of ${name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`README.md has no ${begin} ... ${end}`);
    return `${text.slice(0, from)}${begin}\n\n${table()}\n\n${text.slice(to)}`;
  }, readme);
}

function row(...cells: readonly string[]): string {
  return ["", ...cells, ""].join(" | ").replaceAll("  ", " ").trim();
}

function kindsTable(): string {
  const rows = resources.map((resource) => {
    const { kind, support } = resource;
    return row(kind, apiVersionOf(resource), verbsText(resource), support.level, support.remark);
  });
  return [row("kind", "group", "verbs", "", ""), row("---", "---", "---", "---", "---"), ...rows].join("\n");
}

function verbsText(resource: Resource): string {
  const missing = allVerbs.filter((verb) => !resource.verbs.includes(verb));
  const verbs =
    missing.length === 0
      ? "all"
      : missing.length < 3
        ? `all but ${missing.join(", ")}`
        : resource.verbs.toSorted().join(", ");
  const below = subresourcesOf(resource, subresources).map(({ name }) => `\`/${name}\``);
  return [verbs, ...below].join(", ");
}

const levels = ["acted on", "stored only", "refused"] as const;

function fieldTables(): string {
  return podSupport
    .map(({ struct, fields }) => [row(struct, "", ""), row("---", "---", "---"), ...fieldRows(fields)].join("\n"))
    .join("\n\n");
}

/** Fields of which there is the same to say share a row. */
function fieldRows(fields: Readonly<Record<string, Support>>): readonly string[] {
  return levels.flatMap((level) => {
    const names = new Map<string, string[]>();
    for (const [name, support] of Object.entries(fields)) {
      if (support.level === level) names.set(support.remark, [...(names.get(support.remark) ?? []), `\`${name}\``]);
    }
    return [...names].map(([remark, same]) => row(same.join(", "), level, remark));
  });
}
