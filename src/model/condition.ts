// What is said of an object's state, in the form that newer kinds share.
// Source: apimachinery metav1.Condition.
import type * as z from "zod";

import { always, int64, mandatory, meta, omitempty, string, struct, timestamp } from "./fields.ts";

export const Condition = struct(
  meta("Condition"),
  {
    type: always(string, ""),
    status: always(string, ""),
    observedGeneration: omitempty(int64),
    lastTransitionTime: mandatory(timestamp),
    reason: always(string, ""),
    message: always(string, ""),
  },
  {
    about: "One thing that is, is not, or may be so of an object.",
    type: "What is said to be so, in CamelCase or as example.com/CamelCase.",
    status: "Whether it is so: True, False or Unknown.",
    observedGeneration: "The generation of the object that this was found out about.",
    lastTransitionTime: "When the status last changed.",
    reason: "Why, in one word for programs.",
    message: "Why, in a sentence for people.",
  },
);
export type Condition = z.output<typeof Condition>;
