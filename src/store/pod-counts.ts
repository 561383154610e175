// How many pods there are, counted where they are stored: a budget needs sums, not pods.
import type { PodTemplate } from "../model/pod-template.ts";
import type { Part } from "./batch.ts";
import { rowsOf } from "./batch.ts";

/** Pods of one template. */
export type CountedPods = {
  readonly template: PodTemplate;
  readonly pods: number;
  /** Those that are ready and not ending. */
  readonly healthy: number;
  /** The name of one of them. */
  readonly example: string;
};

const isHealthy = (table: string): string => `(${table}.deletion_ms IS NULL AND EXISTS (
  SELECT 1 FROM json_each(${table}.status, '$.conditions') AS c
  WHERE c.value->>'$.type' = 'Ready' AND c.value->>'$.status' = 'True'))`;

/** `without`: names of pods that count as pods, but not as healthy ones. */
export function countPods(db: D1Database, namespace: string, without: readonly string[]): Part<readonly CountedPods[]> {
  const statement = db
    .prepare(
      `SELECT t.body AS template, count(*) AS pods, min(p.name) AS example,
         sum(${isHealthy("p")} AND p.name NOT IN (SELECT value FROM json_each(?2))) AS healthy
       FROM pods AS p JOIN pod_templates AS t ON t.id = p.template WHERE p.namespace = ?1 GROUP BY p.template`,
    )
    .bind(namespace, JSON.stringify(without));
  return {
    statements: [statement],
    read: ([result]) =>
      rowsOf(result).map((row) => ({
        // Written by `insertTemplates`.
        template: JSON.parse(String(row["template"])) as PodTemplate,
        pods: Number(row["pods"]),
        healthy: Number(row["healthy"]),
        example: String(row["example"]),
      })),
  };
}

/** Those of the pods, by name, that are there and not ending. */
export function readLivingNames(
  db: D1Database,
  namespace: string,
  names: readonly string[],
): Part<ReadonlySet<string>> {
  const statement = db
    .prepare(
      `SELECT p.name FROM json_each(?2) AS j JOIN pods AS p ON p.namespace = ?1 AND p.name = j.value
       WHERE p.deletion_ms IS NULL`,
    )
    .bind(namespace, JSON.stringify(names));
  return {
    statements: names.length === 0 ? [] : [statement],
    read: ([result]) => new Set(rowsOf(result).map((row) => String(row["name"]))),
  };
}
