import { describe, expect, it } from "vitest";

import { acceptNames, takenNames } from "../../src/model/custom/accepted-names.ts";
import { compareVersions } from "../../src/model/custom/custom-kinds.ts";
import type { CustomResourceDefinition } from "../../src/model/custom/definition.ts";
import { customResourceDefinitions } from "../../src/model/custom/definition.ts";
import { definitionWarnings } from "../../src/model/custom/definition-warnings.ts";
import { decodeObject } from "../../src/model/decode.ts";
import { fieldErrorText } from "../../src/model/field-error.ts";

const nowMs = Date.parse("2026-01-01T00:00:00Z");
const anything = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
const v1 = { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: anything } };
const spec = {
  group: "example.com",
  scope: "Namespaced",
  names: { plural: "widgets", kind: "Widget" },
  versions: [v1],
};

function definition(given: object = {}, metadata: object = {}): CustomResourceDefinition {
  const json = { metadata: { name: "widgets.example.com", ...metadata }, spec: { ...spec, ...given } };
  const decoded = decodeObject(customResourceDefinitions, json);
  if (!decoded.ok) throw new Error(decoded.message);
  expect(decoded.unknownFields).toEqual([]);
  return customResourceDefinitions.prepareForCreate(decoded.object);
}

function problems(given: CustomResourceDefinition): readonly string[] {
  const errors = [...customResourceDefinitions.validate(given), ...customResourceDefinitions.validateCreate(given)];
  return errors.map(fieldErrorText);
}

const withSchema = (schema: object, version: object = {}) =>
  definition({ versions: [{ ...v1, schema: { openAPIV3Schema: schema }, ...version }] });
const withField = (schema: object) => withSchema({ type: "object", properties: { a: schema } });
const root = "spec.versions[0].schema.openAPIV3Schema";

describe("a definition", () => {
  it("has its names and its conversion filled in", () => {
    const made = definition();
    expect(made.spec).toMatchObject({
      names: { singular: "widget", listKind: "WidgetList" },
      conversion: { strategy: "None" },
    });
    expect(made.status).toEqual({ conditions: null, acceptedNames: { plural: "", kind: "" }, storedVersions: ["v1"] });
    expect(problems(made)).toEqual([]);
  });

  const wrong = (given: object, metadata: object = {}) => problems(definition(given, metadata));

  it.each<[string, readonly string[], readonly unknown[]]>([
    [
      "a name of its own",
      wrong({}, { name: "other" }),
      ['metadata.name: Invalid value: "other": must be spec.names.plural+"."+spec.group'],
    ],
    ["no group", wrong({ group: "" }, { name: "widgets." }), expect.arrayContaining(["spec.group: Required value"])],
    [
      "a group that is no domain",
      wrong({ group: "apps" }, { name: "widgets.apps" }),
      ['spec.group: Invalid value: "apps": should be a domain with at least one dot'],
    ],
    [
      "a group of Kubernetes",
      wrong({ group: "apps.k8s.io" }, { name: "widgets.apps.k8s.io" }),
      [
        expect.stringContaining(
          "metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must",
        ),
      ],
    ],
    [
      "a group of Kubernetes, approved",
      wrong(
        { group: "apps.k8s.io" },
        { name: "widgets.apps.k8s.io", annotations: { "api-approved.kubernetes.io": "https://example.com/1" } },
      ),
      [],
    ],
    ["no scope", wrong({ scope: "" }), ["spec.scope: Required value"]],
    [
      "an unknown scope",
      wrong({ scope: "Galactic" }),
      ['spec.scope: Unsupported value: "Galactic": supported values: "Cluster", "Namespaced"'],
    ],
    [
      "no storage version",
      wrong({ versions: [{ ...v1, storage: false }] }),
      [
        'spec.versions: Invalid value: ["v1"]: must have exactly one version marked as storage version',
        "status.storedVersions: Invalid value: []: must have at least one stored version",
      ],
    ],
    [
      "a version twice",
      wrong({ versions: [v1, { ...v1, storage: false }] }),
      ['spec.versions: Invalid value: ["v1","v1"]: must contain unique version names'],
    ],
    [
      "a version that is no label",
      wrong({ versions: [{ ...v1, name: "1" }] }),
      [expect.stringContaining('spec.versions[0].name: Invalid value: "1": a DNS-1035 label must consist of')],
    ],
    [
      "no schema",
      wrong({ versions: [{ ...v1, schema: undefined }] }),
      [`${root}: Required value: schemas are required`],
    ],
    [
      "no kind",
      wrong({ names: { plural: "widgets" } }),
      ["spec.names.singular: Required value", "spec.names.kind: Required value", "spec.names.listKind: Required value"],
    ],
    [
      "names that are none",
      wrong({ names: { plural: "widgets", kind: "Wid_get", shortNames: ["W"], categories: ["1"] } }),
      [
        expect.stringContaining('spec.names.singular: Invalid value: "wid_get": a DNS-1035 label'),
        expect.stringContaining(
          'spec.names.kind: Invalid value: "Wid_get": may have mixed case, but should otherwise match: a',
        ),
        expect.stringContaining('spec.names.listKind: Invalid value: "Wid_getList"'),
        expect.stringContaining('spec.names.shortNames[0]: Invalid value: "W"'),
        expect.stringContaining('spec.names.categories[0]: Invalid value: "1"'),
      ],
    ],
    [
      "a list like its element",
      wrong({ names: { plural: "widgets", kind: "Widget", listKind: "Widget" } }),
      ['spec.names.listKind: Invalid value: "Widget": kind and listKind may not be the same'],
    ],
    [
      "fields kept the old way",
      wrong({ preserveUnknownFields: true }),
      [expect.stringContaining("spec.preserveUnknownFields: Invalid value: true: cannot set to true")],
    ],
    [
      "columns that show nothing",
      wrong({
        versions: [{ ...v1, additionalPrinterColumns: [{ name: "", type: "text", format: "x", jsonPath: "spec.a" }] }],
      }),
      [
        "spec.versions[0].additionalPrinterColumns[0].name: Required value",
        'spec.versions[0].additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string',
        'spec.versions[0].additionalPrinterColumns[0].format: Invalid value: "x": must be one of byte,date,date-time,double,float,int32,int64,password',
        'spec.versions[0].additionalPrinterColumns[0].JSONPath: Invalid value: "spec.a": must be a simple json path starting with .',
      ],
    ],
    [
      "scale that leads elsewhere",
      wrong({
        versions: [
          {
            ...v1,
            subresources: { scale: { specReplicasPath: ".status.a", statusReplicasPath: "", labelSelectorPath: ".a" } },
          },
        ],
      }),
      [
        'spec.versions[0].subresources.scale.specReplicasPath: Invalid value: ".status.a": should be a json path under .spec',
        "spec.versions[0].subresources.scale.statusReplicasPath: Required value",
        'spec.versions[0].subresources.scale.labelSelectorPath: Invalid value: ".a": should be a json path under either .spec or .status',
      ],
    ],
    [
      "a webhook that cannot be reached",
      wrong({ conversion: { strategy: "Webhook" } }),
      [
        "spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook",
        "spec.conversion.conversionReviewVersions: Required value",
      ],
    ],
    [
      "a conversion of its own",
      wrong({ conversion: { strategy: "Magic" } }),
      ['spec.conversion.strategy: Unsupported value: "Magic": supported values: "None", "Webhook"'],
    ],
  ])("with %s is told", (_what, found, expected) => {
    expect(found).toEqual(expected);
  });

  it("does not change what its objects are stored by", () => {
    const old = acceptNames(definition(), takenNames([]), nowMs);
    const changed = { ...old, spec: { ...old.spec, scope: "Cluster", names: { ...old.spec.names, kind: "Other" } } };
    expect(customResourceDefinitions.validateUpdate(changed, old).map(fieldErrorText)).toEqual([
      'spec.scope: Invalid value: "Cluster": field is immutable',
      'spec.names.kind: Invalid value: "Other": field is immutable',
    ]);
  });

  it("keeps versions that objects may be stored in", () => {
    const old = definition();
    const v2 = { ...old, spec: { ...old.spec, versions: [{ ...old.spec.versions?.[0], name: "v2" }] } };
    // Typed stub: a version with another name.
    const next = customResourceDefinitions.prepareForUpdate(v2 as CustomResourceDefinition, old);
    expect(next.status.storedVersions).toEqual(["v1", "v2"]);
    expect(next.metadata.generation).toBe(2);
    expect(problems(next)).toEqual([
      expect.stringContaining(
        'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version',
      ),
    ]);
  });
});

describe("a schema", () => {
  const nested = { ...anything, properties: { a: { type: "object", properties: { b: { type: "string" } } } } };

  it.each<[string, object, readonly unknown[]]>([
    [
      "without a type",
      {},
      [`${root}: Required value: must not be empty at the root`].map((text) => text.replace(": Req", ".type: Req")),
    ],
    ["that is no object", { type: "string" }, [`${root}.type: Invalid value: "string": must be object at the root`]],
    [
      "of a type that is none",
      { type: "object", properties: { a: { type: "text" } } },
      [expect.stringContaining(`${root}.properties[a].type: Unsupported value: "text"`)],
    ],
    [
      "with references",
      { type: "object", properties: { a: { $ref: "#/x" } } },
      [`${root}.properties[a].$ref: Forbidden: $ref is not supported`],
    ],
    [
      "with a list of nothing",
      { type: "object", properties: { a: { type: "array" } } },
      [`${root}.properties[a].items: Required value: must be specified`],
    ],
    [
      "with a field of no type",
      { type: "object", properties: { a: {} } },
      [`${root}.properties[a].type: Required value: must not be empty for specified object fields`],
    ],
    [
      "with elements of no type",
      { type: "object", properties: { a: { type: "array", items: {} } } },
      [`${root}.properties[a].items.type: Required value: must not be empty for specified array items`],
    ],
    [
      "with unique items",
      { type: "object", properties: { a: { type: "array", uniqueItems: true, items: { type: "string" } } } },
      [
        `${root}.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`,
      ],
    ],
    [
      "that is a map and a struct",
      {
        type: "object",
        properties: {
          a: { type: "object", properties: { b: { type: "string" } }, additionalProperties: { type: "string" } },
        },
      },
      [
        `${root}.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`,
      ],
    ],
    [
      "that is a map at the root",
      { type: "object", additionalProperties: { type: "string" } },
      [`${root}.additionalProperties: Forbidden: must not be used at the root`],
    ],
    [
      "that says what it does not keep",
      { type: "object", "x-kubernetes-preserve-unknown-fields": false },
      [`${root}.x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined`],
    ],
    [
      "with types where it is narrowed down",
      { ...nested, anyOf: [{ type: "object" }] },
      [`${root}.anyOf[0].type: Forbidden: must be empty to be structural`],
    ],
    [
      "with a default where it is narrowed down",
      { ...nested, allOf: [{ properties: { a: { default: {} } } }] },
      [`${root}.allOf[0].properties[a].default: Forbidden: must be undefined to be structural`],
    ],
    [
      "that narrows down what is not there",
      { ...nested, not: { properties: { c: { minimum: 1 } } } },
      [`${root}.properties[c]: Required value: because it is defined in ${root}.not.properties[c]`],
    ],
    [
      "that may be a number or a text",
      {
        ...nested,
        properties: { a: { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] } },
      },
      [],
    ],
    [
      "with a pattern that is none",
      { type: "object", properties: { a: { type: "string", pattern: "(" } } },
      [
        `${root}.properties[a].pattern: Invalid value: "(": must be a valid regular expression, but isn't: error parsing regexp: missing closing ): \`(\``,
      ],
    ],
    [
      "that says more of metadata",
      { type: "object", properties: { metadata: { type: "object", properties: { labels: { type: "object" } } } } },
      [
        `${root}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`,
      ],
    ],
    [
      "that says what names look like",
      {
        type: "object",
        properties: { metadata: { type: "object", properties: { name: { type: "string", pattern: "^a" } } } },
      },
      [],
    ],
    [
      "with a map list without keys",
      {
        type: "object",
        properties: { a: { type: "array", items: { type: "object" }, "x-kubernetes-list-type": "map" } },
      },
      [
        `${root}.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`,
      ],
    ],
    [
      "with keys that may be absent",
      {
        type: "object",
        properties: {
          a: {
            type: "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
            items: { type: "object", properties: { k: { type: "string" } } },
          },
        },
      },
      [
        `${root}.properties[a].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
      ],
    ],
    [
      "with a default that it refuses",
      { type: "object", properties: { a: { type: "integer", default: "x" } } },
      [`${root}.properties[a].default: Invalid value: "string":  in body must be of type integer: "string"`],
    ],
    [
      "with a default that leaves out what is required",
      {
        type: "object",
        properties: { a: { type: "object", required: ["b"], properties: { b: { type: "string" } }, default: {} } },
      },
      [`${root}.properties[a].default.b: Required value`],
    ],
  ])("%s", (_what, schema, expected) => {
    expect(problems(withSchema(schema))).toEqual(expected);
  });

  it("says little at the root when status is written by itself", () => {
    const version = { subresources: { status: {} } };
    expect(problems(withSchema({ ...nested, anyOf: [{ required: ["a"] }] }, version))).toEqual([
      expect.stringContaining("fields are allowed at the root of the schema if the status subresource is enabled"),
    ]);
  });

  it("tells which fields can be selected by", () => {
    const fields = (...paths: string[]) => ({ selectableFields: paths.map((jsonPath) => ({ jsonPath })) });
    const schema = {
      type: "object",
      properties: { spec: { type: "object", properties: { a: { type: "string" }, b: { type: "object" } } } },
    };
    const place = "spec.versions[0].selectableFields";
    expect(problems(withSchema(schema, fields(".spec.a")))).toEqual([]);
    expect(problems(withSchema(schema, fields(".spec.a", ".spec.a", ".spec.b", ".spec.c", ".spec.a[0]")))).toEqual([
      `${place}[1].jsonPath: Duplicate value: ".spec.a"`,
      expect.stringContaining(`${place}[2].jsonPath: Invalid value: ".spec.b": must point to a field of type string`),
      `${place}[3].jsonPath: Invalid value: ".spec.c": is an invalid path: does not refer to a valid field`,
      `${place}[4].jsonPath: Invalid value: ".spec.a[0]": is an invalid path: array notation is not allowed`,
    ]);
  });

  it("of a hostile size or depth is read and judged all the same", () => {
    const before = performance.now();
    const wide = Object.fromEntries(Array.from({ length: 25_000 }, (_, index) => [`f${index}`, { type: "string" }]));
    expect(problems(withSchema({ type: "object", properties: wide }))).toEqual([
      `${root}: Invalid value: "": must not have more than 20000 parts`,
    ]);
    let deep: object = { type: "string" };
    for (let level = 0; level < 500; level += 1) deep = { type: "object", properties: { a: deep } };
    expect(problems(withSchema(deep))).toEqual([]);
    const choices = Array.from({ length: 100_000 }, (_, index) => `choice-${index}`);
    expect(problems(withField({ type: "string", enum: choices }))).toEqual([]);
    expect(problems(withField({ type: "string", pattern: "(a{1000}){1000}" }))).toEqual([
      expect.stringContaining(
        "must be a valid regular expression, but isn't: error parsing regexp: invalid repeat count",
      ),
    ]);
    expect(performance.now() - before).toBeLessThan(10_000);
  });
});

describe("names", () => {
  const other = { plural: "gadgets", kind: "Gadget", singular: "gadget", listKind: "GadgetList", shortNames: ["w"] };

  it.each([
    ["are accepted when they are free", {}, "True NoConflicts"],
    ["are refused when the kind is taken", { kind: "Gadget", listKind: "Other" }, "False KindConflict"],
    ["are refused when a short name is taken", { shortNames: ["w"] }, "False ShortNamesConflict"],
    ["are refused when another's resource is theirs", { singular: "gadgets" }, "False SingularConflict"],
  ])("%s", (_what, names, expected) => {
    const given = definition({ names: { ...spec.names, ...names } });
    const { status } = acceptNames(given, takenNames([other]), nowMs);
    const found = status.conditions?.find(({ type }) => type === "NamesAccepted");
    expect(`${found?.status} ${found?.reason}`).toBe(expected);
    const established = status.conditions?.find(({ type }) => type === "Established");
    expect(established?.status).toBe(expected.startsWith("True") ? "True" : "False");
  });

  it("stay what they were when others are refused, and what is served stays served", () => {
    const first = acceptNames(definition(), takenNames([]), nowMs);
    const wanted = { ...first, spec: { ...first.spec, names: { ...first.spec.names, shortNames: ["w"] } } };
    const { status } = acceptNames(wanted, takenNames([other]), nowMs + 1000);
    expect(status.acceptedNames.shortNames).toBeUndefined();
    expect(status.conditions).toMatchObject([
      {
        type: "NamesAccepted",
        status: "False",
        message: '"w" is already in use',
        lastTransitionTime: "2026-01-01T00:00:01Z",
      },
      { type: "Established", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" },
    ]);
  });
});

it("what has no effect here is told", () => {
  const schema = {
    type: "object",
    properties: { a: { type: "string", format: "made-up", "x-kubernetes-validations": [{ rule: "self != ''" }] } },
  };
  const webhook = { clientConfig: { url: "https://example.com" }, conversionReviewVersions: ["v1"] };
  const given = definition({
    versions: [{ ...v1, schema: { openAPIV3Schema: schema } }],
    conversion: { strategy: "Webhook", webhook },
  });
  expect(problems(given)).toEqual([]);
  expect(definitionWarnings(given)).toEqual([
    'unrecognized format "made-up"',
    "x-kubernetes-validations: 1 CEL rules are kept but not evaluated",
    "spec.conversion: webhooks are not called; only the storage version can be used",
  ]);
});

it("versions are in order of how good they are", () => {
  const versions = ["foo10", "v1", "v11alpha2", "v10", "foo1", "v12alpha1", "v3beta1", "v10beta3", "v11beta2", "v2"];
  expect(versions.sort(compareVersions)).toEqual([
    "v10",
    "v2",
    "v1",
    "v11beta2",
    "v10beta3",
    "v3beta1",
    "v12alpha1",
    "v11alpha2",
    "foo1",
    "foo10",
  ]);
});
