// What keeps pods off a node, and which pods do not mind.
// Source: core/v1 types Taint, Toleration.
import type * as z from "zod";

import { always, core, int64, omitempty, oneOf, pointer, string, struct, text, time } from "./fields.ts";

const taintEffect = oneOf("NoExecute", "NoSchedule", "PreferNoSchedule");

export const Taint = struct(
  core("Taint"),
  {
    key: always(string, ""),
    value: text,
    effect: always(taintEffect, ""),
    timeAdded: pointer(time),
  },
  {
    about: "Something about a node that keeps pods away which do not tolerate it.",
    key: "What it is about.",
    value: "More about it.",
    effect: "NoSchedule: no new pods; PreferNoSchedule: rather not; NoExecute: running ones have to go, too.",
    timeAdded: "When it was added. NoExecute taints have it, to count tolerationSeconds from.",
  },
);
export type Taint = z.output<typeof Taint>;

export const Toleration = struct(
  core("Toleration"),
  {
    key: text,
    operator: omitempty(oneOf("Equal", "Exists")),
    value: text,
    effect: omitempty(taintEffect),
    tolerationSeconds: pointer(int64),
  },
  {
    about: "Taints that a pod does not mind.",
    key: "The key of the taints. Empty, with operator Exists: every key.",
    operator: "Equal: the value has to be the same; Exists: any value will do. Absent: Equal.",
    value: "The value of the taints, for Equal.",
    effect: "The effect of the taints: NoSchedule, PreferNoSchedule or NoExecute. Empty: every effect.",
    tolerationSeconds: "How long a NoExecute taint is borne. Absent: for ever; 0 and less: not at all.",
  },
);
export type Toleration = z.output<typeof Toleration>;
