// CustomResourceDefinitions as those who serve their kinds read them: again and again, and only what has changed.
import type { Outline } from "../model/custom/custom-kinds.ts";
import type { CustomResourceDefinition } from "../model/custom/definition.ts";
import { definitionsResource } from "../model/custom/definition.ts";
import type { Part } from "./batch.ts";
import { rowsOf } from "./batch.ts";
import { withResourceVersion } from "./objects.ts";

/** A definition as it was at some time; `stamp` tells that time from others. */
export type Stamped<T> = { readonly name: string; readonly stamp: string; readonly value: T };

/** The definition of this name; null: there is none; `value` null: it still has the stamp `known`. */
export function readDefinition(
  db: D1Database,
  name: string,
  known: string,
): Part<Stamped<CustomResourceDefinition | null> | null> {
  const statement = db
    .prepare(
      `SELECT name, rv, uid || '/' || rv AS stamp, CASE WHEN uid || '/' || rv = ?3 THEN NULL ELSE body END AS body
       FROM objects WHERE resource = ?1 AND namespace = '' AND name = ?2`,
    )
    .bind(definitionsResource, name, known);
  return {
    statements: [statement],
    read: ([result]) => {
      const [row] = rowsOf(result);
      return row === undefined ? null : toStamped(row);
    },
  };
}

function toStamped(row: Record<string, unknown>): Stamped<CustomResourceDefinition | null> {
  const { name, stamp, body, rv } = row;
  // Stored as a CustomResourceDefinition, so it is one.
  const value = typeof body === "string" ? withResourceVersion(body, Number(rv)) : null;
  return { name: String(name), stamp: String(stamp), value: value as CustomResourceDefinition | null };
}

const outlineSql = `json_object(
  'spec', json_object('group', body->>'$.spec.group', 'scope', body->>'$.spec.scope'),
  'status', body->'$.status',
  'versions', (SELECT json_group_array(json_object('name', v.value->>'$.name',
      'served', json(iif(v.value->>'$.served', 'true', 'false')), 'subresources', v.value->'$.subresources'))
    FROM json_each(body, '$.spec.versions') AS v))`;

/** The outlines of all definitions; `value` null: it still has its stamp in `known`, by name. */
export function readOutlines(
  db: D1Database,
  known: Readonly<Record<string, string>>,
): Part<readonly Stamped<Outline | null>[]> {
  const statement = db
    .prepare(
      `SELECT name, uid || '/' || rv AS stamp,
         CASE WHEN ?2->>('$."' || name || '"') = uid || '/' || rv THEN NULL ELSE ${outlineSql} END AS outline
       FROM objects WHERE resource = ?1 AND namespace = '' ORDER BY name`,
    )
    .bind(definitionsResource, JSON.stringify(known));
  return {
    statements: [statement],
    read: ([result]) =>
      rowsOf(result).map(({ name, stamp, outline }) => ({
        name: String(name),
        stamp: String(stamp),
        // Written by the statement above.
        value: typeof outline === "string" ? (JSON.parse(outline) as Outline) : null,
      })),
  };
}
