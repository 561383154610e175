// What keeps pods off a node, and which pods do not mind.
// Source: core/v1 types Taint, Toleration.
import type * as z from "zod";

import { always, core, int64, pointer, string, struct, text, time } from "./fields.ts";

export const Taint = struct(core("Taint"), {
  key: always(string, ""),
  value: text,
  effect: always(string, ""),
  timeAdded: pointer(time),
});
export type Taint = z.output<typeof Taint>;

export const Toleration = struct(core("Toleration"), {
  key: text,
  operator: text,
  value: text,
  effect: text,
  tolerationSeconds: pointer(int64),
});
export type Toleration = z.output<typeof Toleration>;
