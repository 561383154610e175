// Which sessions with its pods a namespace allows, and what their events say.
import type { EventSource, Happening } from "./event-correlator.ts";

/** Label of a Namespace. */
export const sessionsLabel = "lares.dev/sessions";

export type SessionKind = "log" | "exec" | "attach" | "portforward";

/** Null: it is allowed. Else what the label says; a word that means nothing allows nothing, as somebody meant to limit. */
export function limitOf(labels: Readonly<Record<string, string>>, kind: SessionKind): string | null {
  const limit = labels[sessionsLabel];
  if (limit === undefined || limit === "all") return null;
  return limit === "logs" && kind === "log" ? null : limit;
}

/** Who tells of sessions. */
export const sessionSource: EventSource = { component: "lares-sessions" };

export type SessionDeed = {
  readonly user: string;
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
  /** Empty: the pod as a whole. */
  readonly container: string;
  readonly isInitContainer: boolean;
  readonly what:
    | { readonly kind: "log"; readonly previous: boolean }
    | { readonly kind: "exec"; readonly command: readonly string[]; readonly tty: boolean }
    | { readonly kind: "attach" }
    | { readonly kind: "portforward"; readonly ports: readonly number[] };
};

const longestCommand = 512;

export function sessionHappening({ user, pod, container, isInitContainer, what }: SessionDeed): Happening {
  const { namespace, name, uid } = pod;
  const field = isInitContainer ? "initContainers" : "containers";
  const subject = {
    kind: "Pod",
    namespace,
    name,
    uid,
    apiVersion: "v1",
    ...(container === "" ? {} : { fieldPath: `spec.${field}{${container}}` }),
  };
  return { subject, type: "Normal", reason: reasons[what.kind], message: `User ${JSON.stringify(user)} ${deed(what)}` };
}

const reasons = { log: "Logs", exec: "Exec", attach: "Attach", portforward: "PortForward" } as const;

function deed(what: SessionDeed["what"]): string {
  switch (what.kind) {
    case "log":
      return what.previous ? "read the log of the container before" : "read the log";
    case "exec": {
      const command = JSON.stringify(what.command);
      const shown = command.length > longestCommand ? `${command.slice(0, longestCommand)}...` : command;
      return `ran ${shown}${what.tty ? " with a terminal" : ""}`;
    }
    case "attach":
      return "attached to the container";
    case "portforward":
      return what.ports.length === 0 ? "forwarded ports" : `forwarded ports ${what.ports.join(", ")}`;
  }
}
