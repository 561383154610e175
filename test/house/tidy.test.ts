// House rules that no compiler and no linter knows.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import * as z from "zod";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folders = ["src", "agents", "local", "bench", "test"] as const;

const Lock = z.object({
  packages: z.record(z.string(), z.object({ optionalDependencies: z.record(z.string(), z.string()).default({}) })),
});

function filesBelow(dir: string): readonly string[] {
  return readdirSync(join(root, dir), { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

const sources = folders
  .flatMap(filesBelow)
  .filter((path) => /\.(ts|mjs)$/.test(path))
  .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));

/** What each layer may import, itself included; inward only. Files at the root of src are glue and may import all. */
const layers: Readonly<Record<string, readonly string[]>> = {
  "src/model": ["src/model"],
  "src/core": ["src/core", "src/model"],
  "src/store": ["src/store", "src/core", "src/model"],
  "src/sync": ["src/sync", "src/store", "src/core", "src/model", "src/glue"],
  "src/durable": ["src/durable", "src/sync", "src/store", "src/core", "src/model", "src/glue"],
  "src/api": ["src/api", "src/sync", "src/store", "src/core", "src/model", "src/glue"],
  agents: ["agents", "src/model", "src/sync/messages.ts"],
};

function importsOf({ path, text }: (typeof sources)[number]): readonly string[] {
  return [...text.matchAll(/from "(\.[^"]+)"/g)].map((match) =>
    relative(root, join(root, dirname(path), match[1] ?? "")),
  );
}

function layerOf(path: string): string {
  if (/^src\/[^/]+\.ts$/.test(path)) return "src/glue";
  return path.startsWith("src/") ? path.split("/").slice(0, 2).join("/") : (path.split("/")[0] ?? "");
}

it("imports point inward only", () => {
  const wrong = sources.flatMap((source) => {
    const allowed = layers[layerOf(source.path)];
    if (allowed === undefined) return [];
    return importsOf(source)
      .filter((target) => !allowed.includes(layerOf(target)) && !allowed.includes(target))
      .map((target) => `${source.path} imports ${target}`);
  });
  expect(wrong).toEqual([]);
});

it("every file says first which question it answers", () => {
  const silent = sources.filter(({ path, text }) => !path.endsWith(".test.ts") && !text.startsWith("// "));
  expect(silent.map(({ path }) => path)).toEqual([]);
});

it("no file outside the tests is longer than 400 lines", () => {
  const long = sources.filter(({ path, text }) => !path.startsWith("test/") && text.split("\n").length > 401);
  expect(long.map(({ path, text }) => `${path}: ${text.split("\n").length}`)).toEqual([]);
});

it("SQL stands in the store alone", () => {
  const sql = /\b(SELECT|INSERT (OR \w+ )?INTO|UPDATE \w+ SET|DELETE FROM|CREATE TABLE)\b/;
  const elsewhere = sources.filter(
    ({ path, text }) => path.startsWith("src/") && !path.startsWith("src/store/") && sql.test(text),
  );
  expect(elsewhere.map(({ path }) => path)).toEqual([]);
});

it("names of classes and types say what they are", () => {
  const vague = /\b(?:class|type|interface) (\w*(?:Manager|Helper|Util|Utils|Service|Data|Info))\b/g;
  const allowed = new Set(["ControllerManager", "Service"]);
  const found = sources.flatMap(({ path, text }) =>
    [...text.matchAll(vague)].filter((match) => !allowed.has(match[1] ?? "")).map((match) => `${path}: ${match[1]}`),
  );
  expect(found).toEqual([]);
});

it("core and model read no clock and roll no dice", () => {
  const impure = /\b(Date\.now|new Date\(\)|Math\.random|crypto\.)/;
  const found = sources.filter(({ path, text }) => /^src\/(core|model)\//.test(path) && impure.test(text));
  expect(found.map(({ path }) => path)).toEqual([]);
});

it("nothing is left to be done, and no type is forced without a reason", () => {
  const forbidden = [/\bTODO\b/, /\bFIXME\b/, /\bas any\b/, /@ts-ignore/];
  const found = sources
    .filter(({ path }) => !path.endsWith(".test.ts"))
    .flatMap(({ path, text }) =>
      forbidden.filter((pattern) => pattern.test(text)).map((pattern) => `${path}: ${pattern}`),
    );
  expect(found).toEqual([]);
});

it("the lock file knows every package that one of its packages may want", () => {
  // A registry that lacks a platform's package makes `npm install` leave it out, and `npm ci` then refuses the file.
  const lock = Lock.parse(JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")));
  const known = new Set(Object.keys(lock.packages).map((path) => path.split("node_modules/").at(-1)));
  const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !known.has(name))
      .map((name) => `${path === "" ? "the project" : path} may want ${name}`),
  );
  expect(missing).toEqual([]);
});
