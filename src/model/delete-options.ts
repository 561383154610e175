// How an object is to be deleted: what the body of a DELETE may say.
// Source: apimachinery metav1 DeleteOptions.
import * as z from "zod";

import { boolean, int64, meta, pointer, string, struct } from "./fields.ts";

const Preconditions = struct(
  meta("Preconditions"),
  { uid: pointer(string), resourceVersion: pointer(string) },
  {
    about: "What must be true of an object for it to be deleted.",
    uid: "The uid it must have.",
    resourceVersion: "The version it must have.",
  },
);

export const DeleteOptions = struct(
  meta("DeleteOptions"),
  {
    kind: pointer(string),
    apiVersion: pointer(string),
    gracePeriodSeconds: pointer(int64),
    preconditions: pointer(Preconditions),
    orphanDependents: pointer(boolean),
    propagationPolicy: pointer(string),
    dryRun: pointer(z.array(string)),
    ignoreStoreReadErrorWithClusterBreakingPotential: pointer(boolean),
  },
  {
    about: "How an object is to be deleted.",
    kind: "DeleteOptions.",
    apiVersion: "The API group and version in which these options are written.",
    gracePeriodSeconds: "How many seconds the object may take to end; 0 is at once. Absent: as the object says.",
    preconditions: "What must be true of the object for it to be deleted.",
    orphanDependents: "Obsolete: use propagationPolicy.",
    propagationPolicy: "What happens to the objects it owns: Orphan, Background or Foreground.",
    dryRun: "All: check everything, change nothing.",
    ignoreStoreReadErrorWithClusterBreakingPotential: "For objects that cannot be read any more. There are none here.",
  },
);
export type DeleteOptions = z.output<typeof DeleteOptions>;
