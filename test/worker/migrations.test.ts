// The database as the migrations make it: once, in order, and for good.
import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";

import { addNodes, head, newCluster } from "./support/cluster.ts";

const migrations = env.TEST_MIGRATIONS;

async function tables(): Promise<readonly unknown[]> {
  const { results } = await env.DB.prepare(
    "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE '\\_cf%' ESCAPE '\\' ORDER BY type, name",
  ).all();
  return results;
}

async function applied(): Promise<readonly unknown[]> {
  const { results } = await env.DB.prepare("SELECT name FROM d1_migrations ORDER BY id").all();
  return results.map(({ name }) => name);
}

beforeEach(async () => {
  await reset();
});

it("the migrations are numbered without a gap", () => {
  const numbers = migrations.map(({ name }) => Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1]));
  expect(numbers).toEqual(migrations.map((_migration, index) => index + 1));
});

it("an empty database gets all of them, each noted under its name", async () => {
  await applyD1Migrations(env.DB, migrations);
  expect(await applied()).toEqual(migrations.map(({ name }) => name));
  expect(await head()).toBe(1);
});

it("they are applied once: again changes neither tables nor what is in them", async () => {
  await newCluster();
  await addNodes(["a", "b"]);
  const before = { tables: await tables(), applied: await applied(), head: await head() };
  await applyD1Migrations(env.DB, migrations);
  expect({ tables: await tables(), applied: await applied(), head: await head() }).toEqual(before);
  expect(await env.DB.prepare("SELECT count(*) FROM objects WHERE resource = 'nodes'").first("count(*)")).toBe(2);
});

it("one after the other makes the same database as all at once", async () => {
  await applyD1Migrations(env.DB, migrations);
  const atOnce = await tables();
  await reset();
  for (let count = 1; count <= migrations.length; count += 1)
    await applyD1Migrations(env.DB, migrations.slice(0, count));
  expect(await tables()).toEqual(atOnce);
});

it.each([
  ["a change of no known type", "INSERT INTO log SELECT 2, 0, 'CHANGED', '', '', '', '', -1, '', '{}', NULL"],
  ["a second change of the same number", "INSERT INTO log SELECT 1, 0, 'ADDED', '', '', '', '', -1, '', '{}', NULL"],
  [
    "two objects of one name",
    `INSERT INTO objects (resource, namespace, name, uid, rv, body)
     VALUES ('x', '', 'a', 'u1', 2, '{}'), ('x', '', 'a', 'u2', 3, '{}')`,
  ],
  [
    "two daemon pods for one node and slot",
    `INSERT INTO pods (namespace, name, uid, rv, template, node, bucket, owner_uid, slot, created_ms, has_finalizers, phase, observation)
     VALUES ('d', 'a', 'u1', 2, 't', 'n', 1, 'o', 0, 0, 0, 'Pending', 0), ('d', 'b', 'u2', 3, 't', 'n', 1, 'o', 0, 0, 0, 'Pending', 0)`,
  ],
])("the tables refuse %s", async (_what, sql) => {
  await applyD1Migrations(env.DB, migrations);
  await expect(env.DB.prepare(sql).run()).rejects.toThrow(/constraint failed/);
});
