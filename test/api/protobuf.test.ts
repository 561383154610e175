// Bodies in protobuf: every served struct can be read, and what cannot be read is refused as such.
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { decodeProtobuf, hasProtobuf, MalformedProtobuf } from "../../src/api/protobuf/decode.ts";
import type { FieldNumbers } from "../../src/api/protobuf/field-numbers.ts";
import { fieldNumbersOf } from "../../src/api/protobuf/field-numbers.ts";
import { configMaps } from "../../src/model/config-map.ts";
import { controllerRevisions } from "../../src/model/controller-revision.ts";
import { daemonSets } from "../../src/model/daemonset.ts";
import { decodeObject } from "../../src/model/decode.ts";
import { events } from "../../src/model/event.ts";
import { pods } from "../../src/model/pod.ts";
import type { Resource } from "../../src/model/resource.ts";
import { resources } from "../../src/model/resources.ts";
import { secrets } from "../../src/model/secret.ts";
import type { Shape } from "../../src/model/shape.ts";
import { shapeOf } from "../../src/model/shape.ts";

/** Groups that upstream has no protobuf for. */
const jsonOnly = new Set(["lares.dev", "apiextensions.k8s.io", "metrics.k8s.io"]);
const inProtobuf = resources.filter(({ group }) => !jsonOnly.has(group));

type StructShape = Extract<Shape, { kind: "struct" }>;

function structsBelow(shape: Shape, found = new Map<string, StructShape>()): ReadonlyMap<string, StructShape> {
  if (shape.kind === "list") structsBelow(shape.element, found);
  if (shape.kind === "map") structsBelow(shape.value, found);
  if (shape.kind === "struct" && !found.has(shape.id)) {
    found.set(shape.id, shape);
    for (const field of shape.fields.values()) structsBelow(field, found);
  }
  return found;
}

function namesOf(numbers: FieldNumbers): readonly string[] {
  return [...numbers.values()].flatMap((field) => (field.kind === "inline" ? namesOf(field.fields) : [field.name]));
}

/** Kind and version of a whole object stand in the envelope. */
function isTypeMeta(name: string, shape: StructShape): boolean {
  return (name === "kind" || name === "apiVersion") && shape.fields.has("metadata");
}

describe("field numbers", () => {
  it.each(inProtobuf.map((resource) => [resource.kind, resource] as const))(
    "are known of all of %s",
    (_kind, resource) => {
      const missing = [...structsBelow(shapeOf(resource.schema)).values()].flatMap((shape) => {
        const numbers = fieldNumbersOf(shape.id);
        if (numbers === null) return [shape.id];
        const known = new Set(namesOf(numbers));
        const unnumbered = [...shape.fields.keys()].filter((name) => !known.has(name) && !isTypeMeta(name, shape));
        return unnumbered.map((name) => `${shape.id}.${name}`);
      });
      expect(missing).toEqual([]);
    },
  );

  it("are not made up for kinds that only speak JSON", () => {
    const others = resources.filter(({ group }) => jsonOnly.has(group));
    expect(others.filter(({ schema }) => hasProtobuf(shapeOf(schema))).map(({ kind }) => kind)).toEqual([]);
  });
});

/** Writes JSON as Go would, zero values included where `zeros` says what a struct's are. */
function encodeStruct(shape: StructShape, json: Readonly<Record<string, unknown>>): Uint8Array {
  const writer = new BinaryWriter();
  const numbers = fieldNumbersOf(shape.id);
  if (numbers === null) throw new Error(`no numbers for ${shape.id}`);
  writeFields(writer, { numbers, shape, json });
  return writer.finish();
}

type Writing = {
  readonly numbers: FieldNumbers;
  readonly shape: StructShape;
  readonly json: Readonly<Record<string, unknown>>;
};

function writeFields(writer: BinaryWriter, { numbers, shape, json }: Writing): void {
  for (const [number, field] of numbers) {
    if (field.kind === "inline") {
      const inner = new BinaryWriter();
      writeFields(inner, { numbers: field.fields, shape, json });
      writer.tag(number, WireType.LengthDelimited).bytes(inner.finish());
      continue;
    }
    const value = json[field.name];
    const fieldShape = shape.fields.get(field.name);
    if (value === undefined || value === null || fieldShape === undefined) continue;
    if (field.kind === "json") writeMessage(writer, number, (inner) => text(inner, 1, JSON.stringify(value)));
    else writeValue(writer, { number, shape: fieldShape, value });
  }
}

function writeMessage(writer: BinaryWriter, number: number, fill: (inner: BinaryWriter) => void): void {
  const inner = new BinaryWriter();
  fill(inner);
  writer.tag(number, WireType.LengthDelimited).bytes(inner.finish());
}

function text(writer: BinaryWriter, number: number, value: string): void {
  writer.tag(number, WireType.LengthDelimited).string(value);
}

type Value = { readonly number: number; readonly shape: Shape; readonly value: unknown };

function writeValue(writer: BinaryWriter, { number, shape, value }: Value): void {
  switch (shape.kind) {
    case "list":
      for (const element of value as readonly unknown[])
        writeValue(writer, { number, shape: shape.element, value: element });
      return;
    case "map":
      for (const [key, entry] of Object.entries(value as object)) {
        writeMessage(writer, number, (inner) => {
          text(inner, 1, key);
          writeValue(inner, { number: 2, shape: shape.value, value: entry });
        });
      }
      return;
    case "struct":
      writer.tag(number, WireType.LengthDelimited).bytes(encodeStruct(shape, value as Record<string, unknown>));
      return;
    case "raw":
      throw new Error("a raw field is written as JSON");
    case "scalar":
      writeScalar(writer, number, { goType: shape.goType, value });
  }
}

function writeScalar(
  writer: BinaryWriter,
  number: number,
  { goType, value }: { goType: string; value: unknown },
): void {
  switch (goType) {
    case "bool":
      writer.tag(number, WireType.Varint).bool(value === true);
      return;
    case "int32":
    case "int64":
      writer.tag(number, WireType.Varint).int64(Number(value));
      return;
    case "[]uint8":
      writer.tag(number, WireType.LengthDelimited).bytes(Buffer.from(String(value), "base64"));
      return;
    case "resource.Quantity":
      writeMessage(writer, number, (inner) => text(inner, 1, String(value)));
      return;
    case "intstr.IntOrString":
      writeMessage(writer, number, (inner) => {
        inner.tag(1, WireType.Varint).int64(typeof value === "string" ? 1 : 0);
        inner.tag(2, WireType.Varint).int32(typeof value === "string" ? 0 : Number(value));
        text(inner, 3, typeof value === "string" ? value : "");
      });
      return;
    case "v1.Time":
    case "v1.MicroTime": {
      const atMs = Date.parse(String(value));
      writeMessage(writer, number, (inner) => {
        inner.tag(1, WireType.Varint).int64(Math.floor(atMs / 1000));
        inner.tag(2, WireType.Varint).int32((((atMs % 1000) + 1000) % 1000) * 1_000_000);
      });
      return;
    }
    default:
      text(writer, number, String(value));
  }
}

function encode(resource: Resource, json: Readonly<Record<string, unknown>>): Uint8Array {
  const shape = shapeOf(resource.schema);
  if (!hasProtobuf(shape)) throw new Error(`${resource.kind} is not sent in protobuf`);
  return wrapped(String(json["apiVersion"] ?? ""), String(json["kind"] ?? ""), encodeStruct(shape, json));
}

function wrapped(apiVersion: string, kind: string, raw: Uint8Array): Uint8Array {
  const writer = new BinaryWriter().raw(new Uint8Array([0x6b, 0x38, 0x73, 0]));
  writeMessage(writer, 1, (inner) => {
    text(inner, 1, apiVersion);
    text(inner, 2, kind);
  });
  writer.tag(2, WireType.LengthDelimited).bytes(raw);
  text(writer, 3, "");
  text(writer, 4, "");
  return writer.finish();
}

function decoded(resource: Resource, bytes: Uint8Array): unknown {
  const shape = shapeOf(resource.schema);
  return hasProtobuf(shape) ? decodeProtobuf(bytes, shape) : null;
}

const podSpec = {
  volumes: [
    { name: "a", configMap: { name: "c", items: [{ key: "k", path: "p", mode: 256 }], optional: true } },
    { name: "b", emptyDir: { sizeLimit: "1Gi" } },
    { name: "c", projected: { sources: [{ secret: { name: "s", optional: false } }] } },
  ],
  containers: [
    {
      name: "main",
      image: "registry.example/x:1",
      command: ["sh", "-c", "sleep 1"],
      ports: [{ name: "web", containerPort: 80, protocol: "TCP" }],
      env: [
        { name: "A", value: "1" },
        { name: "B", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
        { name: "C", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "1m" } } },
      ],
      envFrom: [{ configMapRef: { name: "c", optional: true } }],
      resources: { limits: { cpu: "500m", memory: "64Mi" }, requests: { cpu: "10m" } },
      livenessProbe: { httpGet: { path: "/", port: "web" }, periodSeconds: 3, failureThreshold: 2 },
      readinessProbe: { tcpSocket: { port: 80 }, terminationGracePeriodSeconds: 7 },
      lifecycle: { preStop: { exec: { command: ["true"] } } },
      securityContext: { runAsUser: 0, runAsNonRoot: false, capabilities: { drop: ["ALL"] } },
    },
  ],
  securityContext: { supplementalGroups: [1, 2, 3], fsGroup: 5 },
  nodeSelector: { disk: "ssd" },
  tolerations: [{ key: "k", operator: "Exists", effect: "NoExecute", tolerationSeconds: 0 }],
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: "k", operator: "In", values: ["a", "b"] }] }],
      },
    },
  },
  priority: 10,
};

const objects: readonly (readonly [string, Resource, Readonly<Record<string, unknown>>])[] = [
  [
    "a ConfigMap",
    configMaps,
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "a", labels: { x: "y", "": "" }, annotations: { __proto__x: "1" }, finalizers: ["a/b"] },
      data: { a: "1", ü: "ß\u0000" },
      binaryData: { b: Buffer.from([0, 255, 1]).toString("base64") },
      immutable: false,
    },
  ],
  [
    "a Secret",
    secrets,
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "a" },
      data: { k: "AAE=" },
      stringData: { x: "y" },
      type: "Opaque",
    },
  ],
  ["a Pod", pods, { apiVersion: "v1", kind: "Pod", metadata: { generateName: "p-" }, spec: podSpec }],
  [
    "a DaemonSet",
    daemonSets,
    {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: { name: "d", creationTimestamp: "2026-04-01T10:20:30Z", generation: 3 },
      spec: {
        selector: { matchLabels: { app: "d" }, matchExpressions: [{ key: "k", operator: "Exists" }] },
        template: { metadata: { labels: { app: "d" } }, spec: podSpec },
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "10%", maxSurge: 0 } },
      },
    },
  ],
  [
    "a ControllerRevision",
    controllerRevisions,
    {
      apiVersion: "apps/v1",
      kind: "ControllerRevision",
      metadata: { name: "r" },
      data: { spec: { a: [1, null] } },
      revision: 5,
    },
  ],
  [
    "an Event",
    events,
    {
      apiVersion: "v1",
      kind: "Event",
      metadata: {
        name: "e",
        managedFields: [{ manager: "m", time: "2026-04-01T00:00:00Z", fieldsV1: { "f:data": {} } }],
      },
      involvedObject: { kind: "Pod", apiVersion: "v1", name: "p" },
      eventTime: "2026-04-01T10:20:30.500000Z",
      lastTimestamp: "1969-12-31T23:59:58Z",
      count: 2,
    },
  ],
];

describe("an object in protobuf", () => {
  it.each(objects)("%s reads as the JSON that it was made from", (_what, resource, json) => {
    const inJson = decodeObject(resource, json);
    const inProtobuf = decodeObject(resource, decoded(resource, encode(resource, json)));
    expect(inJson.ok).toBe(true);
    expect(inProtobuf).toEqual(inJson);
  });

  it("leaves out what Go writes for the zero values of its structs", () => {
    const bytes = encode(configMaps, {
      metadata: { name: "a", generateName: "", namespace: "", resourceVersion: "", generation: 0 },
    });
    expect(decodeObject(configMaps, decoded(configMaps, bytes))).toEqual(
      decodeObject(configMaps, { metadata: { name: "a" } }),
    );
  });

  it("takes an empty creation time for none", () => {
    const metadata = new BinaryWriter();
    text(metadata, 1, "a");
    writeMessage(metadata, 8, () => {});
    const raw = new BinaryWriter();
    raw.tag(1, WireType.LengthDelimited).bytes(metadata.finish());
    expect(decoded(configMaps, wrapped("v1", "ConfigMap", raw.finish()))).toEqual({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "a", creationTimestamp: null },
    });
  });

  it("takes packed numbers as it takes single ones", () => {
    const context = new BinaryWriter();
    writeMessage(context, 4, (inner) => inner.int64(7).int64(8));
    const spec = new BinaryWriter();
    spec.tag(14, WireType.LengthDelimited).bytes(context.finish());
    const raw = new BinaryWriter();
    raw.tag(2, WireType.LengthDelimited).bytes(spec.finish());
    expect(decoded(pods, wrapped("", "", raw.finish()))).toEqual({
      spec: { securityContext: { supplementalGroups: [7, 8] } },
    });
  });

  it("passes over fields of later releases", () => {
    const raw = new BinaryWriter();
    text(raw, 2_000, "from the future");
    raw.tag(2_001, WireType.Bit64).fixed64(1n);
    writeMessage(raw, 1, (inner) => text(inner, 1, "a"));
    expect(decoded(configMaps, wrapped("", "", raw.finish()))).toEqual({ metadata: { name: "a" } });
  });
});

describe("what is no such object", () => {
  const whole = encode(daemonSets, objects[3]?.[2] ?? {});

  it.each([
    ["nothing", new Uint8Array()],
    ["JSON", new TextEncoder().encode("{}")],
    [
      "a field of the wrong type",
      wrapped("v1", "ConfigMap", new BinaryWriter().tag(1, WireType.Varint).int32(1).finish()),
    ],
    ["text that is no UTF-8", wrapped("v1", "ConfigMap", new Uint8Array([0x0a, 0x03, 0x0a, 0x01, 0xff]))],
  ])("is refused: %s", (_what, bytes) => {
    expect(() => decoded(configMaps, bytes)).toThrow(MalformedProtobuf);
  });

  it("is refused or read when it is cut anywhere, and never breaks the reader", () => {
    for (let length = 0; length < whole.length; length += 1) {
      expectReadOrRefused(daemonSets, whole.subarray(0, length));
    }
  });

  it("is refused or read whatever is changed in it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (changes) => {
          const bytes = whole.slice();
          for (const [at, byte] of changes) bytes[at] = byte;
          expectReadOrRefused(daemonSets, bytes);
        },
      ),
    );
  });

  it("is refused or read when it is noise", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expectReadOrRefused(pods, wrapped("v1", "Pod", noise));
      }),
    );
  });
});

function expectReadOrRefused(resource: Resource, bytes: Uint8Array): void {
  try {
    decodeObject(resource, decoded(resource, bytes));
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedProtobuf);
  }
}
