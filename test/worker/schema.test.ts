// The tables as drizzle describes them are the tables as the migrations make them.
import { env } from "cloudflare:workers";
import { getTableConfig, SQLiteColumn, SQLiteTable } from "drizzle-orm/sqlite-core";
import { beforeAll, expect, it } from "vitest";

import * as schema from "../../src/store/schema.ts";
import { newCluster } from "./support/cluster.ts";

type Column = {
  readonly name: string;
  readonly type: string;
  readonly isRequired: boolean;
  readonly byDefault: string;
};
type Index = {
  readonly name: string;
  readonly columns: readonly string[];
  readonly isUnique: boolean;
  readonly isPartial: boolean;
};
type Table = {
  readonly columns: readonly Column[];
  readonly primaryKey: readonly string[];
  readonly indexes: readonly Index[];
};

beforeAll(newCluster);

const tables = Object.values(schema).filter((value) => value instanceof SQLiteTable);

function described(table: SQLiteTable): Table {
  const { columns, primaryKeys, indexes } = getTableConfig(table);
  const own = columns.filter(({ primary }) => primary).map(({ name }) => name);
  return {
    columns: columns.map((column) => ({
      name: column.name,
      type: column.getSQLType().toUpperCase(),
      // The number of a row need not be said to be required: it always is there.
      isRequired: column.notNull && !(column.primary && column.getSQLType() === "integer"),
      byDefault: column.default === undefined ? "" : literal(column.default),
    })),
    primaryKey: [...own, ...primaryKeys.flatMap((key) => key.columns.map(({ name }) => name))],
    indexes: indexes
      .map(({ config }) => ({
        name: config.name,
        columns: config.columns.map((column) => (column instanceof SQLiteColumn ? column.name : "an expression")),
        isUnique: config.unique,
        isPartial: config.where !== undefined,
      }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

function literal(value: unknown): string {
  return typeof value === "string" ? `'${value}'` : String(value);
}

async function migrated(name: string): Promise<Table> {
  const info = await env.DB.prepare(`PRAGMA table_info(${name})`).all<{
    name: string;
    type: string;
    notnull: number;
    dflt_value: string | null;
    pk: number;
  }>();
  const list = await env.DB.prepare(`PRAGMA index_list(${name})`).all<{
    name: string;
    unique: number;
    origin: string;
    partial: number;
  }>();
  const indexes = list.results.filter(({ origin }) => origin === "c").toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return {
    columns: info.results.map((column) => ({
      name: column.name,
      type: column.type,
      isRequired: column.notnull === 1,
      byDefault: column.dflt_value ?? "",
    })),
    primaryKey: info.results
      .filter(({ pk }) => pk > 0)
      .toSorted((a, b) => a.pk - b.pk)
      .map((column) => column.name),
    indexes: await Promise.all(
      indexes.map(async (index) => {
        const columns = await env.DB.prepare(`PRAGMA index_info(${index.name})`).all<{ name: string | null }>();
        return {
          name: index.name,
          columns: columns.results.map((column) => column.name ?? "an expression"),
          isUnique: index.unique === 1,
          isPartial: index.partial === 1,
        };
      }),
    ),
  };
}

it("every table is described, and none that is not there", async () => {
  const { results } = await env.DB.prepare(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name <> 'd1_migrations'",
  ).all<{ name: string }>();
  const names = tables.map((table) => getTableConfig(table).name);
  expect(names.toSorted()).toEqual(results.map(({ name }) => name).toSorted());
});

it.each(tables.map((table) => [getTableConfig(table).name, table] as const))("%s", async (name, table) => {
  expect(described(table)).toEqual(await migrated(name));
});
