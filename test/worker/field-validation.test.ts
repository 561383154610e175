// fieldValidation: what becomes of fields that nobody knows and of those that stand twice.
import { beforeEach, describe, expect, it } from "vitest";

import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";

beforeEach(newCluster);

const labels = { app: "web" };
const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i", foo: 1 }] } };
const daemonSet = { metadata: { name: "web" }, spec: { bogus: 1, selector: { matchLabels: labels }, template } };
const handled = 'DaemonSet in version "v1" cannot be handled as a DaemonSet';
const unknown = ['unknown field "spec.bogus"', 'unknown field "spec.template.spec.containers[0].foo"'];

function warningsOf({ headers }: api.Reply): readonly string[] {
  return (headers.get("warning") ?? "")
    .split(/, (?=299 )/)
    .filter((text) => text !== "")
    .map((text) => text.replace(/^299 - "(.*)"$/, "$1").replaceAll(/\\(.)/g, "$1"));
}

describe("a creation", () => {
  it("that is strict is refused, with every problem", async () => {
    const reply = await api.call(`${api.daemonSets}?fieldValidation=Strict`, { method: "POST", body: daemonSet });
    expect(reply).toMatchObject({
      code: 400,
      body: { reason: "BadRequest", message: `${handled}: strict decoding error: ${unknown.join(", ")}` },
    });
    expect(await api.exists(`${api.daemonSets}/web`)).toBe(false);
  });

  it.each(["?fieldValidation=Warn", "?fieldValidation=", ""])("with %j is warned of every problem", async (query) => {
    const reply = await api.call(`${api.daemonSets}${query}`, { method: "POST", body: daemonSet });
    expect([reply.code, warningsOf(reply)]).toEqual([201, unknown]);
    expect(Object(reply.body["spec"]).bogus).toBeUndefined();
  });

  it("that ignores is told nothing", async () => {
    const reply = await api.call(`${api.daemonSets}?fieldValidation=Ignore`, { method: "POST", body: daemonSet });
    expect([reply.code, warningsOf(reply)]).toEqual([201, []]);
  });

  it("is warned of what is most likely not meant, as a change of it is", async () => {
    const env = [
      { name: "A", value: "1" },
      { name: "A", value: "2" },
    ];
    const spec = { containers: [{ name: "c", image: "i", env }] };
    const body = {
      ...daemonSet,
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    };
    const text =
      'spec.template.spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply';
    const made = await api.call(api.daemonSets, { method: "POST", body });
    expect([made.code, warningsOf(made)]).toEqual([201, [text]]);
    const change = async (patch: object) => {
      const call = { method: "PATCH", contentType: "application/merge-patch+json", body: patch };
      return warningsOf(await api.call(`${api.daemonSets}/web`, call));
    };
    expect(await change({ spec: { minReadySeconds: 3 } })).toEqual([]);
    expect(await change({ spec: { template: { spec: { hostNetwork: true } } } })).toEqual([text]);
  });

  it("is warned although it is refused for something else", async () => {
    const body = { ...daemonSet, metadata: { name: "Not_A_Name" } };
    const reply = await api.call(api.daemonSets, { method: "POST", body });
    expect([reply.code, warningsOf(reply)]).toEqual([422, unknown]);
  });

  it("is warned no more than fits", async () => {
    const fields = Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [`field-${index}-${"x".repeat(300)}`, 1]),
    );
    const reply = await api.call(api.configMaps, { method: "POST", body: { metadata: { name: "a" }, ...fields } });
    const texts = warningsOf(reply);
    expect(reply.code).toBe(201);
    expect(texts.length).toBeGreaterThan(10);
    expect(texts.join("").length).toBeLessThanOrEqual(4096);
  });

  it("is warned of fields with any name at all", async () => {
    const reply = await api.call(api.configMaps, {
      method: "POST",
      body: { metadata: { name: "a" }, 'a"b\\c': 1, "l\nn": 1, "ünïcode-日本": 1 },
    });
    expect(reply.code).toBe(201);
    expect(warningsOf(reply)).toHaveLength(3);
  });
});

describe("a field that stands twice", () => {
  const text = '{"metadata":{"name":"a","name":"b"},"data":{"x":"1","x":"2"},"bogus":1,"data":{"y":"3"}}';
  const problems = [
    'duplicate field "metadata.name"',
    'duplicate field "data.x"',
    'unknown field "bogus"',
    'duplicate field "data"',
  ];

  it("is refused when the reader is strict", async () => {
    const reply = await api.call(`${api.configMaps}?fieldValidation=Strict`, { method: "POST", body: text });
    expect(reply.body["message"]).toBe(
      `ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: ${problems.join(", ")}`,
    );
  });

  it("is warned of, and the last one counts", async () => {
    const reply = await api.call(api.configMaps, { method: "POST", body: text });
    expect([reply.code, warningsOf(reply)]).toEqual([201, problems]);
    expect(reply.body).toMatchObject({ metadata: { name: "b" }, data: { y: "3" } });
  });

  it("in YAML is told with its line", async () => {
    const body = "metadata:\n  name: a\ndata:\n  x: '1'\n  x: '2'\nbogus: 1\n";
    const call = { method: "POST", body, contentType: "application/yaml" };
    const strict = await api.call(`${api.configMaps}?fieldValidation=Strict`, call);
    expect(strict.body["message"]).toBe(
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n  line 5: key "x" already set in map, unknown field "bogus"',
    );
    const warned = await api.call(api.configMaps, call);
    expect(warned.body).toMatchObject({ data: { x: "2" } });
    expect(warningsOf(warned)).toEqual([
      'yaml: unmarshal errors:   line 5: key "x" already set in map',
      'unknown field "bogus"',
    ]);
  });

  it("in a patch is refused when the reader is strict", async () => {
    await api.create(api.configMaps, { metadata: { name: "a" } });
    const call = { method: "PATCH", body: '{"data":{"x":"1","x":"2"}}', contentType: "application/merge-patch+json" };
    const strict = await api.call(`${api.configMaps}/a?fieldValidation=Strict`, call);
    expect(strict).toMatchObject({ code: 422, body: { reason: "Invalid" } });
    expect(strict.body["message"]).toContain('strict decoding error: duplicate field "data.x"');
    const warned = await api.call(`${api.configMaps}/a`, call);
    expect([warned.code, warningsOf(warned)]).toEqual([200, ['duplicate field "data.x"']]);
  });
});
