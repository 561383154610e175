// What the OpenAPI documents say of upstream's types: the same as upstream's own do. The official client library was
// generated from those, though of a later release than the API here; the tables are of Kubernetes 1.32.
import * as client from "@kubernetes/client-node";
import { expect, it } from "vitest";
import * as z from "zod";

import { openApiVersionTwo } from "../../src/api/openapi.ts";
import { resources } from "../../src/model/resources.ts";

const Property = z.looseObject({ type: z.string().optional(), format: z.string().optional() });
const Definition = z.looseObject({ properties: z.record(z.string(), Property).default({}) });
const { definitions } = z
  .object({ definitions: z.record(z.string(), Definition) })
  .parse(JSON.parse(openApiVersionTwo(resources).text));

const Attributes = z.array(z.object({ baseName: z.string(), type: z.string(), format: z.string() }));
const Model = z.custom<{ getAttributeTypeMap(): unknown }>(
  (value) => typeof value === "function" && "getAttributeTypeMap" in value,
);

/** Names that the library gives a prefix because several groups have them. */
const prefixes = ["", "Core", "Rbac", "Discovery", "Events", "Authentication", "Storage"];

function attributesOf(id: string): z.infer<typeof Attributes> | undefined {
  const [version = "", name = ""] = id.split(".").slice(-2);
  const capital = version.charAt(0).toUpperCase() + version.slice(1);
  const group = id.split(".").at(-3) ?? "";
  const own = prefixes.find((prefix) => prefix.toLowerCase() === group) ?? "";
  const models: Readonly<Record<string, unknown>> = client;
  const model = Model.safeParse(models[`${own}${capital}${name}`] ?? models[`${capital}${name}`]);
  return model.success ? Attributes.parse(model.data.getAttributeTypeMap()) : undefined;
}

const known = Object.entries(definitions).flatMap(([id, { properties }]) => {
  const attributes = id.startsWith("io.k8s.") ? attributesOf(id) : undefined;
  return attributes === undefined ? [] : [{ id, properties, attributes }];
});

it("most of what is served is known to the client library", () => {
  expect(known.length).toBeGreaterThan(150);
});

it("no field is served that the client library does not know", () => {
  const unknown = known.flatMap(({ id, properties, attributes }) =>
    Object.keys(properties)
      .filter((name) => !attributes.some(({ baseName }) => baseName === name))
      .map((name) => `${id} ${name}`),
  );
  expect(unknown).toEqual([]);
});

it("numbers and texts have the form that the client library reads", () => {
  const others = known.flatMap(({ id, properties, attributes }) =>
    attributes.flatMap(({ baseName, type, format }) => {
      const property = properties[baseName];
      if (property === undefined || (type !== "number" && type !== "string")) return [];
      return (property.format ?? "") === format ? [] : [`${id} ${baseName}: ${property.format} instead of ${format}`];
    }),
  );
  expect(others).toEqual([]);
});

const required = (id: string) => new Set(z.array(z.string()).default([]).parse(definitions[id]?.["required"]));

it.each([
  ["io.k8s.api.apps.v1.DaemonSetSpec", ["selector", "template"]],
  [
    "io.k8s.api.apps.v1.DaemonSetStatus",
    ["currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady"],
  ],
  ["io.k8s.api.core.v1.Container", ["name"]],
  ["io.k8s.api.core.v1.ContainerPort", ["containerPort"]],
  ["io.k8s.api.core.v1.ConfigMapKeySelector", ["key"]],
  ["io.k8s.api.core.v1.Event", ["involvedObject", "metadata"]],
  ["io.k8s.api.core.v1.GRPCAction", ["port"]],
  ["io.k8s.api.core.v1.ObjectFieldSelector", ["fieldPath"]],
  ["io.k8s.api.core.v1.PodSpec", ["containers"]],
  ["io.k8s.api.core.v1.Probe", []],
  ["io.k8s.api.core.v1.Toleration", []],
  ["io.k8s.api.core.v1.VolumeMount", ["mountPath", "name"]],
  ["io.k8s.api.rbac.v1.RoleBinding", ["roleRef"]],
  ["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", []],
  ["io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference", ["apiVersion", "kind", "name", "uid"]],
])("%s has to be given %j", (id, fields) => {
  expect(required(id)).toEqual(new Set(fields));
});

it.each([
  ["io.k8s.api.apps.v1.DaemonSetUpdateStrategy", "type", ["OnDelete", "RollingUpdate"]],
  ["io.k8s.api.core.v1.Container", "imagePullPolicy", ["Always", "IfNotPresent", "Never"]],
  ["io.k8s.api.core.v1.PodSpec", "restartPolicy", ["Always", "Never", "OnFailure"]],
  ["io.k8s.api.core.v1.Taint", "effect", ["NoExecute", "NoSchedule", "PreferNoSchedule"]],
  ["io.k8s.api.core.v1.Toleration", "operator", ["Equal", "Exists"]],
  ["io.k8s.api.core.v1.Secret", "type", undefined],
])("%s %s is one of %j", (id, field, values) => {
  expect(definitions[id]?.properties[field]?.["enum"]).toEqual(values);
});
