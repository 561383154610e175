// /api and /apis over HTTP: a client gets the form that it asks for, and nothing when it has that already.
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";

import { controllerManager } from "../../src/pokes.ts";
import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";
import { define, definitions } from "./support/definitions.ts";
import { until } from "./support/until.ts";

beforeEach(newCluster);

const v2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const v2beta1 = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
const kubectl = `${v2},${v2beta1},application/json`;
const olderKubectl = `${v2beta1},application/json`;

describe.each(["/api", "/apis"])("%s", (path) => {
  // A client that finds the old form asks for each group by itself, and nobody notices but the server.
  it.each([
    ["kubectl", kubectl, v2, "apidiscovery.k8s.io/v2"],
    ["an older kubectl", olderKubectl, v2beta1, "apidiscovery.k8s.io/v2beta1"],
  ])("tells %s everything at once, and that once", async (_who, accept, contentType, apiVersion) => {
    const { code, body, headers } = await api.call(path, { accept });
    expect({ code, contentType: headers.get("content-type"), body }).toMatchObject({
      code: 200,
      contentType,
      body: { kind: "APIGroupDiscoveryList", apiVersion },
    });
    expect(["cache-control", "vary"].map((name) => headers.get(name))).toEqual(["public", "Accept"]);
    const etag = headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[0-9A-F]+"$/);
    const again = await api.call(path, { accept, headers: { "if-none-match": etag } });
    expect([again.code, again.text, again.headers.get("etag")]).toEqual([304, "", etag]);
    const other = await api.call(path, { accept, headers: { "if-none-match": '"other"' } });
    expect([other.code, other.text]).toEqual([200, JSON.stringify(body).concat("\n")]);
  });

  it("tells others in the old form, which is not kept", async () => {
    const { code, body, headers } = await api.call(path, { accept: "application/json, */*" });
    expect([code, headers.get("content-type"), headers.get("etag")]).toEqual([200, "application/json", null]);
    expect(body.kind).toBe(path === "/api" ? "APIVersions" : "APIGroupList");
  });
});

it("what is served has another tag when a definition adds to it, and the old one when that is gone", async () => {
  const tag = async () => (await api.call("/apis", { accept: kubectl })).headers.get("etag");
  const [core, before] = [(await api.call("/api", { accept: kubectl })).headers.get("etag"), await tag()];
  expect(core).not.toBe(before);
  await define();
  expect(await tag()).not.toBe(before);
  await api.remove(`${definitions}/widgets.example.com`);
  await controllerManager(env).poke();
  await until("the kind is gone", async () => (await tag()) === before);
});
