// Of a Node what decides whether a daemon belongs on it, read without the rest: a fleet's Nodes are megabytes.
import type { NodeFacts } from "../core/placement.ts";
import { heldUntilAnnotation, heldUntilMs } from "../model/node-hold.ts";
import type { Part } from "./batch.ts";
import { rowsOf } from "./batch.ts";

const selectFacts = `
  SELECT name, body->'$.metadata.labels' AS labels, body->'$.spec.taints' AS taints,
         body->>'$.metadata.annotations."${heldUntilAnnotation}"' AS held FROM objects
  WHERE resource = 'nodes' AND namespace = ''`;

/** The nodes after `afterName`, by name. */
export function readNodes(db: D1Database, afterName: string, limit: number): Part<readonly NodeFacts[]> {
  const statement = db.prepare(`${selectFacts} AND name > ?1 ORDER BY name LIMIT ?2`).bind(afterName, limit);
  return { statements: [statement], read: ([result]) => rowsOf(result).map(toFacts) };
}

/** Those of the named nodes that exist. */
export function readNodesByName(db: D1Database, names: readonly string[]): Part<readonly NodeFacts[]> {
  const statement = db
    .prepare(`${selectFacts} AND name IN (SELECT value FROM json_each(?1))`)
    .bind(JSON.stringify(names));
  return { statements: [statement], read: ([result]) => rowsOf(result).map(toFacts) };
}

/** How many nodes there are. Reads an entry of an index for each. */
export function countNodes(db: D1Database): Part<number> {
  return {
    statements: [db.prepare("SELECT count(*) AS nodes FROM objects WHERE resource = 'nodes' AND namespace = ''")],
    read: ([result]) => Number(rowsOf(result)[0]?.["nodes"]),
  };
}

function toFacts({ name, labels, taints, held }: Record<string, unknown>): NodeFacts {
  const until = heldUntilMs(typeof held === "string" ? { [heldUntilAnnotation]: held } : undefined);
  // Nodes are decoded before they are stored.
  return {
    name: String(name),
    labels: typeof labels === "string" ? (JSON.parse(labels) as NodeFacts["labels"]) : {},
    taints: typeof taints === "string" ? (JSON.parse(taints) as NodeFacts["taints"]) : [],
    ...(until === undefined ? {} : { heldUntilMs: until }),
  };
}
