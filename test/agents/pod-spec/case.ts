// What a line of the table says: a pod, and what has to be seen of each of its fields.

import type { HeldObject } from "../../../agents/node/assignment/objects.ts";
import type { AssignedPod } from "../../../src/sync/messages.ts";
import type { Registry } from "../../containers/registry.ts";
import type { RealPod } from "./real-pod.ts";

export type RuntimeKind = "containerd" | "docker" | "podman";

/** Where the pods run. */
export type Place = {
  readonly runtime: RuntimeKind;
  /** Busybox, which the runtime has. */
  readonly image: string;
  /** Of it and of others. */
  readonly registry: Registry;
  /** Lets in only who has the password. */
  readonly guarded: Registry;
  /** On the node, for what tests keep there; another one for each pod. */
  readonly directory: string;
  /** The ids of all sandboxes and containers that there are in the runtime. */
  readonly list: () => Promise<readonly string[]>;
};

type Fields = Readonly<Record<string, unknown>>;

/** As in a manifest: what is left out gets the API's defaults. Without an image it is busybox. */
export type ContainerFields = Fields & { readonly name: string };

export type SpecFields = Fields & {
  readonly initContainers?: readonly ContainerFields[];
  readonly containers?: readonly ContainerFields[];
};

type Expected = string | RegExp | ((pod: RealPod) => string | RegExp);
type Check = (pod: RealPod) => Promise<void> | void;

/** What is to be seen with one runtime, in place of what is with the others. */
type Exception = { readonly why: string; readonly is?: Expected; readonly check?: Check; readonly refused?: string };

type AnyRow = {
  readonly row: string;
  /** Of which container it tells. Default: main. */
  readonly in?: string;
  /** `refused` is the field that the runtime cannot honour, for which the container waits. */
  readonly except?: Partial<Record<RuntimeKind, Exception>>;
};

/** What a script run in the container prints, after which the container goes on. */
export type Shown = AnyRow & { readonly shows: string; readonly is: Expected };

type Checked = AnyRow & { readonly check: Check };

export type Row = Shown | Checked;

export type PodCase = {
  /** Its name, and the prefix of its rows. */
  readonly pod: string;
  /** A container `main` that does nothing is there unless others are. */
  readonly spec?: (place: Place) => SpecFields | Promise<SpecFields>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly serviceAccount?: AssignedPod["serviceAccount"];
  readonly conditions?: AssignedPod["conditions"];
  readonly objects?: readonly (Partial<HeldObject> & Pick<HeldObject, "kind" | "name">)[];
  readonly rows: readonly Row[];
};

export function isShown(row: Row): row is Shown {
  return "shows" in row;
}

export function containerOf(row: Row): string {
  return row.in ?? "main";
}

const idle = "trap 'exit 0' TERM; sleep 2147483 & wait $!";

/** Runs until it is asked to end, after the script. */
export function running(script = ""): readonly string[] {
  return ["sh", "-c", script === "" ? idle : `${script}\n${idle}`];
}

const mark = "#row";

/** The container's own command, where the rows want something shown. */
export function commandOf(rows: readonly Row[], container: string): readonly string[] {
  const shown = rows.filter(isShown).filter((row) => containerOf(row) === container);
  if (shown.length === 0) return running();
  // What is shown may end in the middle of a line.
  const parts = shown.map(({ shows }, index) => `echo '${mark} ${index}'; (${shows}\n) 2>&1; echo`);
  return running(`${parts.join("\n")}\necho '${mark} end'`);
}

/** What each row of a container has shown; undefined while it is still at it. */
export function sectionsOf(lines: readonly string[]): readonly string[] | undefined {
  if (!lines.includes(`${mark} end`)) return undefined;
  const sections = lines.join("\n").split(new RegExp(`^${mark} .*\n?`, "m"));
  return sections.slice(1, -1).map((section) => section.trimEnd());
}
