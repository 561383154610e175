// LimitRanges: how much of what one pod, container or claim may ask for. They are kept and shown; nothing is held to them.
// Source: core/v1 LimitRange; pkg/apis/core/v1/defaults.go SetDefaults_LimitRangeItem.
import * as z from "zod";

import {
  always,
  core,
  embedded,
  mandatory,
  mergeable,
  nullWhenAbsent,
  resourceList,
  string,
  struct,
} from "./fields.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { createdAtColumn, nameColumn } from "./printing.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { storedOnly } from "./support.ts";
import { validateLimitRange } from "./validation/limit-range.ts";
import { validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";

const LimitRangeItemFields = struct(
  core("LimitRangeItem"),
  {
    type: always(string, ""),
    max: resourceList,
    min: resourceList,
    default: resourceList,
    defaultRequest: resourceList,
    maxLimitRequestRatio: resourceList,
  },
  {
    about: "The limits of one kind of thing.",
    type: "What is limited: Pod, Container or PersistentVolumeClaim.",
    max: "The most that may be asked for of each resource.",
    min: "The least that has to be asked for of each resource.",
    default: "The limits of a container that has none.",
    defaultRequest: "What a container asks for that does not say.",
    maxLimitRequestRatio: "How many times what is asked for a limit may be.",
  },
);

/** What a container gets that says nothing follows from the bounds, where it is not given. */
const LimitRangeItem = LimitRangeItemFields.transform((item): z.output<typeof LimitRangeItemFields> => {
  if (item.type !== "Container") return item;
  const limit = { ...item.max, ...item.default };
  const request = { ...item.min, ...limit, ...item.defaultRequest };
  return {
    ...item,
    ...(Object.keys(limit).length === 0 ? {} : { default: limit }),
    ...(Object.keys(request).length === 0 ? {} : { defaultRequest: request }),
  };
});
export type LimitRangeItem = z.output<typeof LimitRangeItem>;

const LimitRangeSpec = struct(
  core("LimitRangeSpec"),
  { limits: mandatory(nullWhenAbsent(mergeable(z.array(LimitRangeItem), {}))) },
  { about: "What is limited.", limits: "The limits, one for each kind of thing." },
);

const LimitRange = struct(
  core("LimitRange"),
  { ...typeMeta, metadata: embedded(ObjectMeta), spec: embedded(LimitRangeSpec) },
  {
    about:
      "How much one pod, container or claim of a namespace may ask for. It is kept here, and nothing is held to it.",
    metadata: "Standard object metadata.",
    spec: "The limits.",
  },
);
export type LimitRange = z.output<typeof LimitRange>;

export const limitRanges: Resource<LimitRange> = defineResource<LimitRange>({
  group: "",
  version: "v1",
  kind: "LimitRange",
  plural: "limitranges",
  createsOnUpdate: true,
  shortNames: ["limits"],
  schema: LimitRange,
  support: storedOnly("nothing is held to it"),
  validateName: nameRule(dns1123Subdomain),
  validate: validateLimitRange,
  validateUpdate: ({ metadata }, old) => validateMetadataUpdate(metadata, old.metadata),
  columns: [nameColumn, createdAtColumn],
});
