// Requests whose bodies are protobuf, as kubectl from 1.32 on sends them.

import { exports } from "cloudflare:workers";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { beforeEach, expect, it } from "vitest";

import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";

beforeEach(newCluster);

const protobuf = "application/vnd.kubernetes.protobuf";

function message(fill: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  fill(writer);
  return writer.finish();
}

function field(writer: BinaryWriter, number: number, value: string | Uint8Array): void {
  writer.tag(number, WireType.LengthDelimited);
  if (typeof value === "string") writer.string(value);
  else writer.bytes(value);
}

function envelope(apiVersion: string, kind: string, raw: Uint8Array): Uint8Array {
  return message((writer) => {
    writer.raw(new Uint8Array([0x6b, 0x38, 0x73, 0]));
    const typeMeta = message((inner) => {
      field(inner, 1, apiVersion);
      field(inner, 2, kind);
    });
    field(writer, 1, typeMeta);
    field(writer, 2, raw);
    field(writer, 3, "");
    field(writer, 4, "");
  });
}

/** A ConfigMap as Go writes it: with every empty string, and an empty creation time. */
function configMap(name: string): Uint8Array {
  return envelope(
    "v1",
    "ConfigMap",
    message((writer) => {
      const metadata = message((inner) => {
        [name, "", "", "", "", ""].forEach((text, index) => {
          field(inner, index + 1, text);
        });
        inner.tag(7, WireType.Varint).int64(0);
        field(inner, 8, new Uint8Array());
      });
      field(writer, 1, metadata);
      const entry = message((inner) => {
        field(inner, 1, "key");
        field(inner, 2, "value");
      });
      field(writer, 2, entry);
    }),
  );
}

async function send(method: string, path: string, body: Uint8Array, accept = `${protobuf},application/json`) {
  const response = await exports.default.fetch(
    new Request(`${api.server}${path}`, {
      method,
      body,
      headers: { authorization: `Bearer ${api.adminToken}`, "content-type": protobuf, accept },
    }),
  );
  return { code: response.status, type: response.headers.get("content-type"), body: await response.json() };
}

it("a create in protobuf stores the object and is answered in JSON", async () => {
  const { code, type, body } = await send("POST", api.configMaps, configMap("a"));
  expect({ code, type }).toEqual({ code: 201, type: "application/json" });
  expect(body).toMatchObject({
    kind: "ConfigMap",
    metadata: { name: "a", namespace: "default" },
    data: { key: "value" },
  });
  expect(await api.get(`${api.configMaps}/a`)).toEqual(body);
});

it("an update in protobuf replaces the object", async () => {
  await api.create(api.configMaps, { metadata: { name: "a" }, data: { old: "1" } });
  expect(await send("PUT", `${api.configMaps}/a`, configMap("a"), `${protobuf}, */*`)).toMatchObject({
    code: 200,
    body: { data: { key: "value" } },
  });
});

it("a refusal of something in protobuf is a Status in JSON", async () => {
  await send("POST", api.configMaps, configMap("a"));
  expect(await send("POST", api.configMaps, configMap("a"))).toMatchObject({
    code: 409,
    body: { kind: "Status", reason: "AlreadyExists", message: 'configmaps "a" already exists' },
  });
});

it("a deletion reads its options in protobuf", async () => {
  const { metadata } = await api.create(api.configMaps, { metadata: { name: "a" } });
  const options = (uid: string) =>
    envelope(
      "v1",
      "DeleteOptions",
      message((writer) => {
        const preconditions = message((inner) => field(inner, 1, uid));
        field(writer, 2, preconditions);
      }),
    );
  expect(await send("DELETE", `${api.configMaps}/a`, options("other"))).toMatchObject({ code: 409 });
  expect(await api.exists(`${api.configMaps}/a`)).toBe(true);
  expect(await send("DELETE", `${api.configMaps}/a`, options(metadata.uid ?? ""))).toMatchObject({ code: 200 });
  expect(await api.exists(`${api.configMaps}/a`)).toBe(false);
});

it.each([
  [
    "no envelope",
    new TextEncoder().encode("{}"),
    "the object provided is unrecognized (must be of type ConfigMap): provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] ({})",
  ],
  ["nothing", new Uint8Array(), /expected prefix \[107 56 115 0\] \(<empty>\)$/],
  [
    "an envelope cut short",
    configMap("a").subarray(0, 30),
    /^the object provided is unrecognized .*: proto: .* \(6b387300[0-9a-f]+\)$/,
  ],
  [
    "another kind",
    envelope("v1", "Secret", new Uint8Array()),
    /^Secret in version "v1" cannot be handled as a ConfigMap: /,
  ],
])("what is no such object is a bad request: %s", async (_what, bytes, text) => {
  const { code, body } = await send("POST", api.configMaps, bytes);
  expect({ code, body }).toMatchObject({ code: 400, body: { kind: "Status", reason: "BadRequest" } });
  expect(body).toMatchObject({ message: typeof text === "string" ? text : expect.stringMatching(text) });
});

it("a kind that upstream does not have is not taken in protobuf", async () => {
  expect(await send("POST", "/apis/lares.dev/v1alpha1/jointokens", configMap("a"))).toMatchObject({
    code: 415,
    body: {
      reason: "UnsupportedMediaType",
      message:
        "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml",
    },
  });
});
