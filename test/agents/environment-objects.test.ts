// Environment variables out of ConfigMaps and Secrets.
import { describe, expect, test } from "vitest";

import { HeldObjects } from "../../agents/node/assignment/held-objects.ts";
import type { HeldObject } from "../../agents/node/assignment/objects.ts";
import { definitionOf } from "../../agents/node/pod/definition.ts";
import type { Environment } from "../../agents/node/pod/environment.ts";
import { environmentOf } from "../../agents/node/pod/environment.ts";
import type { Container } from "../../src/model/container.ts";
import { assignedPod, container, template } from "./support/pods.ts";

function held(kind: HeldObject["kind"], name: string, content: Partial<HeldObject>): HeldObject {
  return { kind, namespace: "default", name, uid: "u", version: "1", type: "", data: {}, binaryData: {}, ...content };
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

const settings = held("ConfigMap", "settings", {
  data: { COLOUR: "blue", "file.conf": "a=$(COLOUR)", EMPTY: "" },
  binaryData: { BYTES: base64("bytes") },
});
const keys = held("Secret", "keys", {
  binaryData: { TOKEN: base64("s3cret ✓"), "1st": base64("one"), "..": base64("x") },
});

const there = [settings, keys];
const gone = { kind: "ConfigMap", namespace: "default", name: "gone", version: "" } as const;
const goneSecret = { ...gone, kind: "Secret" } as const;

function environment(fields: Partial<Container>): Environment {
  const definition = definitionOf(template({ containers: [container(fields)] }));
  const objects = new HeldObjects([...there, gone, goneSecret], there);
  const node = { name: "node-1", ips: [], allocatable: {} };
  return environmentOf(container(fields), { assigned: assignedPod(), definition, node, podIp: "", objects });
}

function values(fields: Partial<Container>): Readonly<Record<string, string>> {
  const found = environment(fields);
  if (!found.ok) throw new Error(found.message);
  return Object.fromEntries(found.envs.map(({ key, value }) => [key, value]));
}

const ofSettings = (key: string, optional?: boolean) => ({
  configMapKeyRef: { name: "settings", key, ...(optional === undefined ? {} : { optional }) },
});

describe("a variable", () => {
  test("has the value of a key of a ConfigMap or a Secret", () => {
    const env = [
      { name: "A", valueFrom: ofSettings("COLOUR") },
      { name: "B", valueFrom: { secretKeyRef: { name: "keys", key: "TOKEN" } } },
      { name: "C", valueFrom: ofSettings("EMPTY") },
    ];
    expect(values({ env })).toEqual({ A: "blue", B: "s3cret ✓", C: "" });
  });

  test("can be referred to by later ones, while what is in an object is taken as it is", () => {
    const env = [
      { name: "A", valueFrom: ofSettings("COLOUR") },
      { name: "B", value: "$(A) sky" },
      { name: "C", valueFrom: ofSettings("file.conf") },
    ];
    expect(values({ env })).toEqual({ A: "blue", B: "blue sky", C: "a=$(COLOUR)" });
  });

  test.each([
    ["an object that need not be there", { configMapKeyRef: { name: "gone", key: "k", optional: true } }],
    ["a Secret that need not be there", { secretKeyRef: { name: "gone", key: "k", optional: true } }],
    ["a key that need not be there", ofSettings("none", true)],
    ["bytes that need not be text", ofSettings("BYTES", true)],
  ])("is not set by %s", (_what, valueFrom) => {
    expect(values({ env: [{ name: "A", valueFrom }] })).toEqual({});
  });

  test.each([
    ['configmap "gone" not found', { configMapKeyRef: { name: "gone", key: "k" } }],
    ['secret "gone" not found', { secretKeyRef: { name: "gone", key: "k" } }],
    ["couldn't find key none in ConfigMap default/settings", ofSettings("none")],
    ["couldn't find key BYTES in ConfigMap default/settings", ofSettings("BYTES")],
    ["couldn't find key toString in ConfigMap default/settings", ofSettings("toString")],
    ["couldn't find key none in Secret default/keys", { secretKeyRef: { name: "keys", key: "none", optional: false } }],
    ['configmap "unheard-of" is not known yet', { configMapKeyRef: { name: "unheard-of", key: "k", optional: true } }],
  ])("that cannot be had says %s", (message, valueFrom) => {
    expect(environment({ env: [{ name: "A", valueFrom }] })).toEqual({ ok: false, message });
  });
});

describe("envFrom", () => {
  test("brings all keys that have a text, in front of which a prefix may stand", () => {
    const envFrom = [{ configMapRef: { name: "settings" } }, { prefix: "P_", secretRef: { name: "keys" } }];
    expect(values({ envFrom })).toEqual({
      COLOUR: "blue",
      "file.conf": "a=$(COLOUR)",
      EMPTY: "",
      P_TOKEN: "s3cret ✓",
      P_1st: "one",
      "P_..": "x",
    });
  });

  test("comes before env, which wins over it and may refer to it", () => {
    const env = [
      { name: "SKY", value: "$(COLOUR)" },
      { name: "COLOUR", value: "not $(COLOUR)" },
    ];
    expect(values({ env, envFrom: [{ configMapRef: { name: "settings" } }] })).toMatchObject({
      SKY: "blue",
      COLOUR: "not blue",
    });
  });

  test("lets the later source win", () => {
    const envFrom = [{ prefix: "X", secretRef: { name: "keys" } }, { configMapRef: { name: "settings" } }];
    const env = environment({ envFrom: [...envFrom, { prefix: "", configMapRef: { name: "settings" } }] });
    expect(env.ok && env.envs.filter(({ key }) => key === "COLOUR")).toEqual([{ key: "COLOUR", value: "blue" }]);
  });

  test("leaves out keys that can be no names, and says so", () => {
    expect(environment({ envFrom: [{ secretRef: { name: "keys" } }] })).toEqual({
      ok: true,
      envs: [{ key: "TOKEN", value: "s3cret ✓" }],
      events: [
        {
          type: "Warning",
          reason: "InvalidEnvironmentVariableNames",
          message:
            "Keys [.., 1st] from the EnvFrom secret default/keys were skipped since they are considered invalid environment variable names.",
        },
      ],
    });
  });

  test.each([
    ['configmap "gone" not found', { configMapRef: { name: "gone" } }],
    ['secret "gone" not found', { secretRef: { name: "gone", optional: false } }],
  ])("that cannot be had says %s", (message, source) => {
    expect(environment({ envFrom: [source] })).toEqual({ ok: false, message });
  });

  test("may be absent where it is said so", () => {
    const envFrom = [
      { configMapRef: { name: "gone", optional: true } },
      { secretRef: { name: "gone", optional: true } },
    ];
    expect(values({ envFrom })).toEqual({});
  });
});
