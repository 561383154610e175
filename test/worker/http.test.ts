// HTTP around the API: compression, answers for people, odd paths and methods.
import { exports } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";

import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";

beforeEach(newCluster);

type Asked = { readonly method?: string; readonly headers?: Readonly<Record<string, string>> };

function ask(path: string, { method = "GET", headers = {} }: Asked = {}): Promise<Response> {
  const authorization = `Bearer ${api.adminToken}`;
  return exports.default.fetch(new Request(`${api.server}${path}`, { method, headers: { authorization, ...headers } }));
}

describe("an answer", () => {
  it("that is large is compressed for those who can read that, and is the same", async () => {
    for (let index = 0; index < 3; index += 1) {
      await api.create(api.configMaps, { metadata: { name: `big-${index}` }, data: { x: "y".repeat(60_000) } });
    }
    const [plain, packed, refused] = await Promise.all([
      ask(api.configMaps),
      ask(api.configMaps, { headers: { "accept-encoding": "gzip" } }),
      ask(api.configMaps, { headers: { "accept-encoding": "gzip;q=0" } }),
    ]);
    expect([plain, packed, refused].map(({ headers }) => headers.get("content-encoding"))).toEqual([
      null,
      "gzip",
      null,
    ]);
    expect(packed.headers.get("vary")).toContain("Accept-Encoding");
    const text = await plain.text();
    expect(text.length).toBeGreaterThan(180_000);
    expect(await packed.text()).toBe(text);
    await refused.body?.cancel();
  });

  it.each([
    ["/openapi/v2", "application/json"],
    ["/openapi/v2", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"],
    ["/openapi/v3/api/v1", "application/json"],
  ])("of the large document %s as %s is compressed, and the same", async (path, accept) => {
    const plain = await ask(path, { headers: { accept } });
    const packed = await ask(path, { headers: { accept, "accept-encoding": "gzip", "user-agent": "curl/8.1" } });
    expect([plain, packed].map(({ headers }) => headers.get("content-encoding"))).toEqual([null, "gzip"]);
    expect(packed.headers.get("vary")).toContain("Accept-Encoding");
    expect(packed.headers.get("etag")).toBe(plain.headers.get("etag"));
    const [bytes, unpacked] = await Promise.all([plain, packed].map((response) => response.arrayBuffer()));
    expect(unpacked).toEqual(bytes);
  });

  it("that is small is not compressed", async () => {
    const response = await ask(api.configMaps, { headers: { "accept-encoding": "gzip" } });
    expect(response.headers.get("content-encoding")).toBeNull();
    await response.body?.cancel();
  });

  it.each([
    ["whoever asks for it", "?pretty=true", "client-go/1", true],
    ["curl", "", "curl/8.1", true],
    ["Wget", "", "Wget/1.2", true],
    ["a browser", "", "Mozilla/5.0 (X11)", true],
    ["a program", "", "kubectl/v1.32.5", false],
    ["curl that does not want it", "?pretty=false", "curl/8.1", false],
  ])("has line breaks for %s", async (_who, query, agent, isPretty) => {
    const text = await (await ask(`/api/v1/namespaces/default${query}`, { headers: { "user-agent": agent } })).text();
    expect(text.trim().split("\n").length > 1).toBe(isPretty);
    expect(JSON.parse(text)).toMatchObject({ kind: "Namespace" });
  });

  it("has line breaks for people when it is a refusal too", async () => {
    const response = await ask(`${api.configMaps}/nope?pretty=1`);
    expect([response.status, (await response.text()).split("\n")[1]]).toEqual([404, '  "kind": "Status",']);
  });

  it("may be YAML", async () => {
    const response = await ask("/api/v1/namespaces/default", { headers: { accept: "application/yaml" } });
    expect(response.headers.get("content-type")).toBe("application/yaml");
    expect(await response.text()).toMatch(/^kind: Namespace$/m);
  });

  it("to HEAD has everything but a body", async () => {
    const response = await ask("/api/v1/namespaces/default", { method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });

  it("of a document says what it is a version of, and nothing when that is known", async () => {
    const first = await ask("/openapi/v3/api/v1");
    const etag = first.headers.get("etag") ?? "";
    await first.body?.cancel();
    expect(etag).not.toBe("");
    const second = await ask("/openapi/v3/api/v1", { headers: { "if-none-match": etag } });
    expect([second.status, await second.text()]).toEqual([304, ""]);
  });
});

describe("a path", () => {
  it.each([
    ["/api/v1/namespaces/default/", 200],
    ["/api/v1/namespaces/default/configmaps/", 200],
    ["/api/v1/", 200],
    ["/apis/", 200],
    ["/api/v1/namespaces/%64efault", 200],
    ["/api/v1/namespaces/default/configmaps/a%2Fb", 404],
    ["/api/v1/namespaces/default/configmaps/a%00b", 404],
    ["/api/v1/namespaces/default/configmaps/%ff", 404],
    ["/api/v1/namespaces/default/configmaps/%", 404],
    ["/api/v1/Namespaces/default", 404],
    ["/API/v1/namespaces/default", 404],
    ["/api//v1/namespaces/default", 404],
    ["/api/v1/namespaces//configmaps", 404],
    ["/api/v1/nodes/a/status/b", 404],
    [`/api/v1/namespaces/${"x".repeat(5_000)}`, 404],
  ])("%s is answered with %s", async (path, code) => {
    const response = await ask(path);
    expect(response.status).toBe(code);
    await response.body?.cancel();
  });
});
