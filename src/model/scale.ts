// How many of something there should be and are, in one form for all kinds that can be scaled.
// Source: autoscaling/v1 Scale.
import type * as z from "zod";

import { always, embedded, int32, omitempty, struct, text } from "./fields.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Column, Kind, ScalePaths } from "./resource.ts";

const autoscaling = (name: string): string => `io.k8s.api.autoscaling.v1.${name}`;

export const Scale = struct(
  autoscaling("Scale"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: embedded(
      struct(
        autoscaling("ScaleSpec"),
        { replicas: omitempty(int32) },
        { about: "How many there should be.", replicas: "The number that is wanted." },
      ),
    ),
    status: embedded(
      struct(
        autoscaling("ScaleStatus"),
        { replicas: always(int32, 0), selector: text },
        {
          about: "How many there are.",
          replicas: "The number that was last seen.",
          selector: "What picks those that are counted, as the text of a label selector.",
        },
      ),
    ),
  },
  {
    about: "How many of something there should be and are.",
    metadata: "That of the object that is scaled.",
    spec: "How many there should be.",
    status: "How many there are.",
  },
);
export type Scale = z.output<typeof Scale>;

export const scales: Kind<Scale> = {
  group: "autoscaling",
  version: "v1",
  kind: "Scale",
  schema: Scale,
  decode: null,
  rawFields: [],
};

export const scaleColumns: readonly Column<Scale>[] = [
  { ...nameColumn, format: "" },
  {
    name: "Desired",
    type: "integer",
    description: "The number that is wanted.",
    cell: ({ spec }) => spec.replicas ?? 0,
  },
  {
    name: "Available",
    type: "integer",
    description: "The number that was last seen.",
    cell: ({ status }) => status.replicas,
  },
  ageColumn,
];

/** Of the kinds that keep so many pods of one template. */
export const workloadScale: ScalePaths = {
  specReplicas: ".spec.replicas",
  statusReplicas: ".status.replicas",
  labelSelector: ".spec.selector",
};
