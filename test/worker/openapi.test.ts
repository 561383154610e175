// The OpenAPI documents as clients fetch them: by the hash that the index names, or again if they have changed.
import { env, exports } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import * as z from "zod";

import { controllerManager } from "../../src/pokes.ts";
import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";
import { define, definitions } from "./support/definitions.ts";
import { until } from "./support/until.ts";

beforeEach(newCluster);

const Index = z.object({ paths: z.record(z.string(), z.object({ serverRelativeURL: z.string() })) });
const VersionTwo = z.object({
  paths: z.record(z.string(), z.unknown()),
  definitions: z.record(z.string(), z.looseObject({ properties: z.record(z.string(), z.unknown()).optional() })),
});

async function index(): Promise<z.infer<typeof Index>["paths"]> {
  return Index.parse(await api.get("/openapi/v3")).paths;
}

async function urlOf(groupVersion: string): Promise<string> {
  return (await index())[groupVersion]?.serverRelativeURL ?? "";
}

async function versionTwo(): Promise<z.infer<typeof VersionTwo>> {
  return VersionTwo.parse(await api.get("/openapi/v2"));
}

it("a document that is asked for by its hash may be kept for ever", async () => {
  const { code, headers } = await api.call(await urlOf("apis/apps/v1"));
  expect(code).toBe(200);
  expect(headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
});

it("a document that is asked for by another hash is found by its own", async () => {
  const url = await urlOf("apis/apps/v1");
  const asked = api.request("/openapi/v3/apis/apps/v1?hash=0", {});
  const { status, headers } = await exports.default.fetch(asked, { redirect: "manual" });
  expect({ status, location: headers.get("location") }).toEqual({ status: 301, location: url });
});

it.each(["/openapi/v3", "/openapi/v3/api/v1", "/openapi/v2"])("%s is not sent again to who has it", async (path) => {
  const first = await api.call(path);
  const tag = first.headers.get("etag") ?? "";
  expect((await api.call(path, { headers: { "if-none-match": tag } })).code).toBe(304);
  expect((await api.call(path, { headers: { "if-none-match": '"other"' } })).code).toBe(200);
});

it("a group that is not there has no document", async () => {
  expect((await api.call("/openapi/v3/apis/nope/v1")).code).toBe(404);
});

it("custom kinds are in the documents for as long as they are there", async () => {
  const before = await index();
  expect(before).not.toHaveProperty("apis/example.com/v1");
  await define();
  const { code, text } = await api.call(await urlOf("apis/example.com/v1"));
  expect(code).toBe(200);
  expect(text).toContain('"x-kubernetes-group-version-kind":[{"group":"example.com","kind":"Widget","version":"v1"}]');
  const { paths, definitions: schemas } = await versionTwo();
  expect(Object.keys(paths)).toContain("/apis/example.com/v1/namespaces/{namespace}/widgets");
  const [, widget] = Object.entries(schemas).find(([name]) => name.endsWith(".Widget")) ?? [];
  expect(Object.keys(widget?.properties ?? {})).toEqual(expect.arrayContaining(["apiVersion", "kind", "metadata"]));
  await api.remove(`${definitions}/widgets.example.com`);
  await controllerManager(env).poke();
  await until("the group is gone", async () => !("apis/example.com/v1" in (await index())));
  expect(await index()).toEqual(before);
});
