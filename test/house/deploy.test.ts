// Whether the Worker can be deployed: it builds, and what a dry run does not look at is right as well.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { parse } from "smol-toml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What the tests look at, and whatever else there is. */
const Config = z.object({
  main: z.string(),
  compatibility_date: z.iso.date(),
  triggers: z.object({ crons: z.array(z.string()) }),
  vars: z.record(z.string(), z.string()),
  d1_databases: z.array(z.object({ binding: z.string(), migrations_dir: z.string() })),
  durable_objects: z.object({ bindings: z.array(z.object({ name: z.string(), class_name: z.string() })) }),
  migrations: z.array(z.strictObject({ tag: z.string(), new_sqlite_classes: z.array(z.string()) })),
});

const config = Config.parse(parse(readFileSync(join(root, "wrangler.toml"), "utf8")));

function isWithin(text: string, low: number, high: number): boolean {
  return /^\d{1,2}$/.test(text) && Number(text) >= low && Number(text) <= high;
}

/** A field is a list of values, ranges and steps. Names of months and days are not used here, so they are not known. */
function isCronField(text: string, [low, high]: readonly [number, number]): boolean {
  return text.split(",").every((part) => {
    const [range = "", step, ...more] = part.split("/");
    if (more.length > 0 || (step !== undefined && !isWithin(step, 1, high))) return false;
    if (range === "*") return true;
    const [from = "", to, ...others] = range.split("-");
    if (others.length > 0 || !isWithin(from, low, high)) return false;
    return to === undefined || (isWithin(to, low, high) && Number(from) <= Number(to));
  });
}

/** Minute, hour, day of the month, month, day of the week: for Cloudflare a week's days are 1 to 7. */
const cronRanges = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [1, 7],
] as const;

function isCron(text: string): boolean {
  const fields = text.split(" ");
  return (
    fields.length === cronRanges.length && cronRanges.every((range, index) => isCronField(fields[index] ?? "", range))
  );
}

describe("the cron triggers", () => {
  it.each([
    ["* * * * *", true],
    ["*/5 0-6 1,15 12 2-6", true],
    ["* * * *", false],
    ["* * * * * *", false],
    ["60 * * * *", false],
    ["* 24 * * *", false],
    ["* * 0 * *", false],
    ["* * * 13 *", false],
    ["* * * * 0", false],
    ["5-1 * * * *", false],
    ["*/0 * * * *", false],
    ["*/5/5 * * * *", false],
    ["often * * * *", false],
    ["", false],
  ])("%s: valid is %s", (text, isValid) => {
    expect(isCron(text)).toBe(isValid);
  });

  it("are valid, and one of them fires each minute, as src/cron.ts is made for", () => {
    expect(config.triggers.crons.filter((cron) => !isCron(cron))).toEqual([]);
    expect(config.triggers.crons).toEqual(["* * * * *"]);
  });
});

describe("the compatibility date", () => {
  const lock = z
    .object({ packages: z.record(z.string(), z.object({ version: z.string().optional() })) })
    .parse(JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")));

  /** The last date that a workerd takes: a week past the day in its version, 1.YYYYMMDD.N. */
  function lastDateOf(version: string): string {
    const [, year, month, day] = /^1\.(\d{4})(\d{2})(\d{2})\./.exec(version) ?? [];
    return new Date(Date.UTC(Number(year), Number(month) - 1, Number(day) + 7)).toISOString().slice(0, 10);
  }

  it("is one that every workerd of the toolchain takes", () => {
    const versions = Object.entries(lock.packages).flatMap(([path, { version }]) =>
      path.endsWith("node_modules/workerd") ? (version ?? []) : [],
    );
    expect(versions).not.toEqual([]);
    const last = versions.map(lastDateOf).toSorted()[0] ?? "";
    expect(config.compatibility_date <= last, `${config.compatibility_date} is not after ${last}`).toBe(true);
  });

  it.each([
    ["1.20260917.1", "2026-09-24"],
    ["1.20261228.0", "2027-01-04"],
  ])("%s takes dates up to %s", (version, last) => {
    expect(lastDateOf(version)).toBe(last);
  });
});

describe("a deployment", () => {
  let dir = "";
  let script = "";

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "lares-deploy-"));
    const wrangler = join(root, "node_modules/wrangler/bin/wrangler.js");
    // Without its banner it does not ask the registry for a newer version of itself; its log stays out of the home.
    const quiet = { WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true", WRANGLER_LOG_PATH: dir };
    const out = join(dir, "out");
    execFileSync(process.execPath, [wrangler, "deploy", "--dry-run", "--outdir", out], {
      cwd: root,
      env: { ...process.env, ...quiet },
      stdio: ["ignore", "ignore", "inherit"],
    });
    script = readFileSync(join(out, "index.js"), "utf8");
  }, 60_000);

  afterAll(() => {
    rmSync(dir, { recursive: true, force: true });
  });

  function exported(): readonly string[] {
    const [, list = ""] = /export \{([^}]*)\};?\s*(?:\/\/#.*\s*)?$/.exec(script) ?? [];
    return list.split(",").map((entry) => entry.trim().split(" as ").at(-1) ?? "");
  }

  const bound = config.durable_objects.bindings.map(({ class_name }) => class_name);

  it("exports what the platform calls, and every Durable Object that is bound, and nothing else", () => {
    expect(exported().toSorted()).toEqual([...bound, "default"].toSorted());
  });

  it("makes every Durable Object in exactly one migration, with SQLite, and none that is not bound", () => {
    const made = config.migrations.flatMap(({ new_sqlite_classes }) => new_sqlite_classes);
    expect(made.toSorted()).toEqual(bound.toSorted());
    const tags = config.migrations.map(({ tag }) => tag);
    expect(new Set(tags).size).toBe(tags.length);
  });

  it("is small enough for every plan: 3 MB compressed", () => {
    expect(gzipSync(script).byteLength).toBeLessThan(3_000_000);
  });

  it("gives the Worker the environment that it reads", () => {
    const text = readFileSync(join(root, "src/env.ts"), "utf8");
    const read = [...text.matchAll(/readonly (\w+)(\??): (\w+)(?:<(\w+)>)?;/g)].map(
      ([, name = "", optional, type = "", of]) => ({ name, optional: optional === "?", type: of ?? type }),
    );
    // What is optional is a secret, which no file says.
    const expected = read.filter(({ optional }) => !optional).map(({ name, type }) => `${name}: ${type}`);
    const given = [
      ...config.d1_databases.map(({ binding }) => `${binding}: D1Database`),
      ...config.durable_objects.bindings.map(({ name, class_name }) => `${name}: ${class_name}`),
      ...Object.keys(config.vars).map((name) => `${name}: string`),
    ];
    expect(given.toSorted()).toEqual(expected.toSorted());
    const secrets = read.filter(({ optional }) => optional).map(({ name }) => name);
    expect(Object.keys(config.vars).filter((name) => secrets.includes(name))).toEqual([]);
  });
});
