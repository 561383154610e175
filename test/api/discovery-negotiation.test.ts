import { expect, it } from "vitest";

import { contentTypeOf, type Form, negotiate } from "../../src/api/negotiation.ts";
import { ApiError } from "../../src/model/api-error.ts";

const table = "application/json;as=Table;v=v1;g=meta.k8s.io";
const kubectlTable = `${table},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json`;
const discovery = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const discoveryBeta = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
const objects: readonly Form[] = ["table", "partialMetadata"];
const groups: readonly Form[] = ["discovery", "discoveryBeta"];

it.each<[string, string | null, readonly Form[], string, Form | "plain"]>([
  ["nothing", null, objects, "application/json", "plain"],
  ["an empty header", " ", objects, "application/json", "plain"],
  ["anything", "*/*", objects, "application/json", "plain"],
  ["anything of application", "application/*", objects, "application/json", "plain"],
  ["JSON", "application/json", objects, "application/json", "plain"],
  ["JSON in capitals with a charset", "Application/JSON; charset=utf-8", objects, "application/json", "plain"],
  ["YAML", "application/yaml", objects, "application/yaml", "plain"],
  ["YAML rather than JSON", "application/json;q=0.5, application/yaml", objects, "application/yaml", "plain"],
  ["JSON, or else anything", "application/json, */*;q=0.8", objects, "application/json", "plain"],
  ["anything but JSON rather", "*/*, application/yaml", objects, "application/yaml", "plain"],
  ["a web page, or else anything", "text/html,*/*;q=0.8", objects, "application/json", "plain"],
  [
    "protobuf, or else JSON",
    "application/vnd.kubernetes.protobuf,application/json",
    objects,
    "application/json",
    "plain",
  ],
  ["protobuf, or else anything", "application/vnd.kubernetes.protobuf, */*", objects, "application/json", "plain"],
  ["a table, as kubectl does", kubectlTable, objects, "application/json", "table"],
  ["a table where there is none", kubectlTable, [], "application/json", "plain"],
  ["a table in YAML", "application/yaml;as=Table;v=v1;g=meta.k8s.io", objects, "application/yaml", "table"],
  [
    "metadata",
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    objects,
    "application/json",
    "partialMetadata",
  ],
  ["aggregated discovery", `${discovery},${discoveryBeta},application/json`, groups, "application/json", "discovery"],
  ["aggregated discovery of old", `${discoveryBeta},application/json`, groups, "application/json", "discoveryBeta"],
  ["a quality that is no number", "application/yaml;q=much", objects, "application/yaml", "plain"],
])("negotiate answers who accepts %s", (_who, accept, offers, mediaType, form) => {
  expect(negotiate(accept, offers)).toEqual({ mediaType, form });
});

it.each([
  ["protobuf only", "application/vnd.kubernetes.protobuf"],
  ["a web page", "text/html"],
  ["a table of another version only", "application/json;as=Table;v=v1beta1;g=meta.k8s.io"],
  ["no JSON", "application/json;q=0"],
])("negotiate refuses who accepts %s and says what there is", (_who, accept) => {
  expect(() => negotiate(accept, objects)).toThrow(
    new ApiError("NotAcceptable", "only the following media types are accepted: application/json, application/yaml"),
  );
});

it.each([
  ["plain", "application/json"],
  ["table", "application/json"],
  ["discovery", discovery],
  ["discoveryBeta", discoveryBeta],
] as const)("contentTypeOf a %s answer", (form, contentType) => {
  expect(contentTypeOf({ mediaType: "application/json", form })).toBe(contentType);
});
