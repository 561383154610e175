import { describe, expect, it } from "vitest";

import { configMaps } from "../../src/model/config-map.ts";
import { controllerRevisions } from "../../src/model/controller-revision.ts";
import { daemonSets } from "../../src/model/daemonset.ts";
import { decodeObject } from "../../src/model/decode.ts";
import { nodes } from "../../src/model/node.ts";
import { secrets } from "../../src/model/secret.ts";
import { changed, decoded, plainDaemonSet } from "./objects.ts";

describe("a value of the wrong type is told of as Go does:", () => {
  it.each<readonly [string, string, unknown, string]>([
    [
      "text for a number",
      "spec.minReadySeconds",
      "5",
      "json: cannot unmarshal string into Go struct field DaemonSetSpec.spec.minReadySeconds of type int32",
    ],
    [
      "a number for text",
      "spec.template.spec.containers[0].image",
      5,
      "json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.image of type string",
    ],
    [
      "a number for a label",
      "metadata.labels",
      { app: 1 },
      "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
    ],
    [
      "an object for a list",
      "spec.template.spec.containers",
      {},
      "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
    ],
    [
      "a list for a struct",
      "spec.template.spec",
      [],
      "json: cannot unmarshal array into Go struct field PodTemplateSpec.spec.template.spec of type v1.PodSpec",
    ],
    [
      "text for a switch",
      "spec.template.spec.hostNetwork",
      "true",
      "json: cannot unmarshal string into Go struct field PodSpec.spec.template.spec.hostNetwork of type bool",
    ],
    [
      "a number too large",
      "spec.revisionHistoryLimit",
      2_147_483_648,
      "json: cannot unmarshal number 2147483648 into Go struct field DaemonSetSpec.spec.revisionHistoryLimit of type int32",
    ],
    [
      "a fraction",
      "spec.minReadySeconds",
      1.5,
      "json: cannot unmarshal number 1.5 into Go struct field DaemonSetSpec.spec.minReadySeconds of type int32",
    ],
    [
      "an amount that is none",
      "spec.template.spec.containers[0].resources.limits",
      { cpu: "lots" },
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    [
      "an amount with a suffix that is none",
      "spec.template.spec.containers[0].resources.limits",
      { cpu: "1ii" },
      "unable to parse quantity's suffix",
    ],
    [
      "a switch for an amount",
      "spec.template.spec.containers[0].resources.limits",
      { cpu: true },
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    [
      "a switch for a number or text",
      "spec.updateStrategy.rollingUpdate.maxSurge",
      true,
      "json: cannot unmarshal bool into Go value of type int32",
    ],
    [
      "text that is no time",
      "metadata.creationTimestamp",
      "yesterday",
      'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
    ],
    [
      "a number for a time",
      "metadata.deletionTimestamp",
      5,
      "json: cannot unmarshal number into Go value of type string",
    ],
  ])("%s", (_rule, path, value, message) => {
    const result = decodeObject(daemonSets, changed(plainDaemonSet, { [path]: value }));
    expect(result).toEqual({ ok: false, message });
  });

  it("a whole body that is no object", () => {
    expect(decodeObject(daemonSets, ["a"])).toEqual({
      ok: false,
      message: "json: cannot unmarshal array into Go value of type v1.DaemonSet",
    });
  });

  it.each([
    ["a letter that base64 has not", "YWJj!", "illegal base64 data at input byte 4"],
    ["padding that is missing", "YWJjZA", "illegal base64 data at input byte 4"],
    ["padding that stands alone", "YWJj=", "illegal base64 data at input byte 4"],
    ["half of the padding", "YW=", "illegal base64 data at input byte 3"],
    ["text after the padding", "YQ==YQ==", "illegal base64 data at input byte 4"],
  ])("%s", (_rule, value, message) => {
    expect(decodeObject(secrets, { data: { key: value } })).toEqual({ ok: false, message });
  });
});

describe("unknown fields", () => {
  it("are left out and named, in the order of the JSON", () => {
    const json = changed(plainDaemonSet, {
      "spec.bogus": null,
      "spec.template.spec.containers[0].foo": { bar: 1 },
      "spec.template.spec.volumes": [{ name: "a", hostPath: { path: "/", mode: 1 } }],
      extra: [],
    });
    const result = decodeObject(daemonSets, json);
    expect(result).toMatchObject({
      ok: true,
      unknownFields: [
        "spec.template.spec.containers[0].foo",
        "spec.template.spec.volumes[0].hostPath.mode",
        "spec.bogus",
        "extra",
      ],
    });
    expect(JSON.stringify(result)).not.toContain('"bar"');
  });

  it("are told of by their case", () => {
    expect(decodeObject(daemonSets, changed(plainDaemonSet, { "spec.MinReadySeconds": 1 }))).toMatchObject({
      unknownFields: ["spec.MinReadySeconds"],
    });
  });
});

describe("null", () => {
  it("is an absent field", () => {
    const set = decoded(
      daemonSets,
      changed(plainDaemonSet, { "spec.minReadySeconds": null, "spec.template.spec.os": null }),
    );
    expect(set.spec).not.toHaveProperty("minReadySeconds");
    expect(set.spec.template.spec).not.toHaveProperty("os");
  });

  it("is the zero value in a map and in a list", () => {
    expect(decoded(configMaps, { data: { a: null } }).data).toEqual({ a: "" });
    const set = decoded(daemonSets, changed(plainDaemonSet, { "spec.template.spec.containers[0].args": ["a", null] }));
    expect(set.spec.template.spec.containers[0]?.args).toEqual(["a", ""]);
  });

  it("is kept in raw data", () => {
    const data = { spec: { template: { metadata: { creationTimestamp: null }, list: [null] } } };
    expect(decoded(controllerRevisions, { data, revision: 1 }).data).toEqual(data);
  });
});

describe("decodeObject", () => {
  it("fills in apiVersion and kind", () => {
    expect(decoded(daemonSets, { metadata: {} })).toMatchObject({ apiVersion: "apps/v1", kind: "DaemonSet" });
    expect(decoded(nodes, {})).toMatchObject({ apiVersion: "v1", kind: "Node", metadata: { creationTimestamp: null } });
  });

  it("does not touch what it was given", () => {
    const json = changed(plainDaemonSet, { "spec.bogus": 1, "metadata.labels": null });
    const before = structuredClone(json);
    decodeObject(daemonSets, json);
    expect(json).toEqual(before);
  });

  it.each([
    ["milliseconds are cut off", "2026-03-01T10:00:00.999Z", "2026-03-01T10:00:00Z"],
    ["times are told in UTC", "2026-03-01T10:00:00+02:00", "2026-03-01T08:00:00Z"],
  ])("%s", (_rule, given, kept) => {
    expect(decoded(nodes, { metadata: { deletionTimestamp: given } }).metadata.deletionTimestamp).toBe(kept);
  });

  it("joins base64 that was broken into lines, and clears bits that mean nothing", () => {
    expect(decoded(secrets, { data: { a: "YW\nJj", b: "YR==" } }).data).toEqual({ a: "YWJj", b: "YQ==" });
  });
});
