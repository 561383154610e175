// Which check stands for which invariant. Every run counts how often each of them had something to judge, and the tests
// ask that none of them stayed idle: a check that judges nothing proves nothing.

/** Names as checkers count them, by invariant. */
const invariants = {
  /** At most one pod for each set, node and template; with surge two, on as many nodes as may. */
  I1: ["a new pod's node", "nodes that surge"],
  /** No more nodes than may be go without an available pod by the controller's own doing. */
  I2: ["budget for the deletion of an available pod"],
  /** Pods are made on eligible nodes, and at rest are on no others. */
  I3: ["eligibility of a new pod's node", "pods at rest"],
  /** Nothing but a reason deletes a pod; with OnDelete a new template is none. */
  I4: ["reason for a deletion"],
  /** One revision for each template, as many as the limit and the pods ask for. */
  I5: ["twins of a new revision", "use of a revision that is deleted", "revisions at rest"],
  /** The status is a recount of the rows. */
  I6: ["counters", "observedGeneration", "status at rest"],
  /** generation follows the spec; writes of spec and status keep to their own. */
  I7: ["generations"],
  /** A uid is one object's for ever, and what identifies an object stays. */
  I8: ["uids, names and fixed fields"],
  /** A set touches its own pods alone. */
  I9: [
    "owner of a new pod",
    "owner of a pod that is deleted",
    "pods that change hands",
    "revisions that are adopted",
    "owners of what is collected",
  ],
  /** A deletion goes on, waits for finalizers, and does with dependents what was asked. */
  I10: ["deletions go on and wait for finalizers", "dependents of a set that goes"],
  /** What was acknowledged is there for whoever reads later. */
  D1: ["answers are of their time", "deletions that were answered", "lists", "reports that were acknowledged"],
  /** Numbers rise with time. */
  D2: ["order of writes", "numbers in the tables"],
  /** Of two writes on one premise one fails. */
  D3: ["locked writes"],
  /** A write that nobody answered is there once or not at all. */
  D4: ["writes that were sent once"],
  /** Tables, log, ledgers and shards agree. */
  D5: ["tables", "ledgers", "cursors"],
  /** A watch tells each event once and in order, over all reconnects. */
  W1: ["watches", "stores of informers"],
  /** A watch that cannot go on says so; a bookmark claims nothing that was not sent. */
  W2: ["bookmarks", "watches that expired"],
  /** Objects that come into a selector or leave it; what is told of them is of their version. */
  W3: ["selector crossings", "content of events"],
  /** A node that is not heard keeps its pods. */
  A1: [
    "cause of a pod's removal",
    "cause of an eviction",
    "silence of a node that is lost",
    "registration that agents are told of",
  ],
  /** An agent takes no assignment of an older revision. */
  A2: ["assignments that are saved"],
  /** A late or repeated report changes nothing. */
  A3: ["reports are taken in their order", "readiness is what agents said"],
  /** A pod that is to stay is not stopped, whoever restarts. */
  A4: ["ends of running containers", "pods that stay with their agents"],
  /** What is gone stays gone. */
  A5: ["starts of containers", "pods that agents are told of"],
  /** Agents have what their pods name in its latest version. */
  A6: ["objects at rest"],
  /** No node is given more than it has. */
  F1: ["room for what agents are given"],
  /** No pod is put beside one that it does not want on its node. */
  F2: ["neighbours of what agents are given"],
  /** The world comes to rest in time, and stays there. */
  L1: ["rest in time", "rest that lasts"],
  /** Sets that were deleted are gone in the end, with all that was theirs. */
  L2: ["deletions that were begun"],
  /** A pass that finds nothing to do writes nothing. */
  L3: ["rows written at rest"],
  /** The cron alone brings everything to rest. */
  L4: ["rest by the cron alone"],
  /** A set whose controller always fails keeps no other from its rest. */
  L5: ["rest beside a set that fails"],
  /** A node is told of its own pods alone. */
  X1: ["nodes of the pods that agents are told of", "pods that name what agents are told of"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type InvariantId = keyof typeof invariants;

/** Failures that are no invariant's: an error that nobody caught, and a user who was served wrongly. */
export type Mishap = "uncaught" | "users";

export type Check = {
  [Id in InvariantId]: { readonly id: Id; readonly name: (typeof invariants)[Id][number] };
}[InvariantId];

/** Is told of a check that had something to judge, and how often. */
export type Checked = (check: Check, times?: number) => void;

/** The name under which a check is counted. */
export function checkName({ id, name }: Check): string {
  return `check ${id}: ${name}`;
}

export const everyCheck: readonly string[] = Object.entries(invariants).flatMap(([id, names]) =>
  // Each name is one of its invariant.
  names.map((name) => checkName({ id, name } as Check)),
);
