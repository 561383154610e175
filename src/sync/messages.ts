// What a node agent and the control plane say to each other. One message goes up, one comes down; both are idempotent
// and describe states, not changes, so a lost, repeated or late one does no harm.
import * as z from "zod";
import { UsageReport } from "../model/usage-report.ts";

export const protocolVersion = 1;

/** Paths of the agent protocol, below the server's URL. */
export const paths = {
  enrol: "/agent/v1/enrol",
  sync: "/agent/v1/sync",
  socket: "/agent/v1/socket",
  token: "/agent/v1/token",
  node: "/agent/v1/node",
  review: "/agent/v1/review",
  mirror: "/agent/v1/mirror",
  /** With the id of a session behind it: a WebSocket takes it on, a POST of a `SessionRefusal` says why that is not done. */
  sessions: "/agent/v1/sessions",
} as const;

/** The text an agent sends to prove that it lives, and the answer; neither wakes the control plane. */
export const ping = "ping";
export const pong = "pong";

/** Characters of the longest message that is taken from an agent. */
export const longestMessage = 256 * 1024;

/** Characters of the longest request for a certificate that is taken from an agent. */
const longestRequest = 16 * 1024;

/**
 * Body of POST enrol; the join token is the bearer token. The agent makes its credential itself (`laresnode_NODE_` and 64
 * hex digits) and tells its `digest`: SHA-256, in hex. Where the answer is that approval is required, it sends `request` as
 * well: a PKCS #10 request in PEM whose subject is `O=system:nodes, CN=system:node:NODE, serialNumber=DIGEST`. From then on,
 * and whenever an answer was lost, it asks what became of it, with that credential as the bearer token. Agents of old tell
 * no digest, and are given a credential.
 */
export const EnrolRequest = z.strictObject({
  node: z.string().min(1).max(253),
  digest: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  request: z.string().max(longestRequest).optional(),
});
export type EnrolRequest = z.output<typeof EnrolRequest>;

/** For an agent that made none, the node's own credential: a bearer token for the other two paths, good for this node name alone. */
export const EnrolAnswer = z.object({ node: z.string(), credential: z.string() });
export type EnrolAnswer = z.output<typeof EnrolAnswer>;

/**
 * The answer to an agent that made its credential, or whose token needs approval. `Required` (403): send a request. `Pending` (202): nobody has decided yet.
 * `Approved` (200): the agent's own credential is good from now on. Whoever is refused gets 401 or 403 without `approval`.
 */
export const ApprovalAnswer = z.object({
  node: z.string(),
  approval: z.enum(["Required", "Pending", "Approved"]),
  /** The name of the CertificateSigningRequest. */
  request: z.string().optional(),
  /** For agents that know nothing of approval. */
  error: z.string().optional(),
});
export type ApprovalAnswer = z.output<typeof ApprovalAnswer>;

/**
 * Body of POST node: what somebody at the machine wants done with its own Node. `cordon` and `uncordon` as kubectl does;
 * `drain` cordons and evicts, as far as budgets let it, the pods that another node can run: ask again until none is left;
 * `leave` deletes the Node, so that the agent ends its pods; `forget` makes the credential worthless.
 */
export const NodeRequest = z.strictObject({
  node: z.string().min(1).max(253),
  action: z.enum(["cordon", "uncordon", "drain", "leave", "forget"]),
});
export type NodeRequest = z.output<typeof NodeRequest>;

/** `stays`: a daemon's, or the node's own; `blocked`: a budget does not let it go now, as the message says. */
const DrainedPod = z.object({
  namespace: z.string(),
  name: z.string(),
  state: z.enum(["stays", "ending", "blocked"]),
  message: z.string().optional(),
});

export const NodeAnswer = z.object({
  node: z.string(),
  /** Of `drain`: the pods that are still there. */
  pods: z.array(DrainedPod).optional(),
});
export type NodeAnswer = z.output<typeof NodeAnswer>;

const NodeCondition = z.strictObject({
  type: z.string(),
  status: z.enum(["True", "False", "Unknown"]),
  reason: z.string().default(""),
  message: z.string().default(""),
  /** RFC 3339. The control plane sets it when the status differs from the stored one. */
  lastTransitionTime: z.string().optional(),
});

/** The node as its agent sees it. Heartbeat times are no part of it: an agent that is heard is alive. */
export const NodeReport = z.strictObject({
  /** Used when the Node object is made, and for the kubernetes.io/ labels an agent keeps true afterwards. */
  labels: z.record(z.string(), z.string()).default({}),
  addresses: z.array(z.strictObject({ type: z.string(), address: z.string() })).default([]),
  capacity: z.record(z.string(), z.string()).default({}),
  allocatable: z.record(z.string(), z.string()).default({}),
  conditions: z.array(NodeCondition).default([]),
  nodeInfo: z.record(z.string(), z.string()).default({}),
  /** "Not now", said at the node. How much of it is left counts from this message: the node's clock is not asked. */
  hold: z.strictObject({ reason: z.string().max(256), remainingSeconds: z.int().min(0) }).optional(),
});
export type NodeReport = z.output<typeof NodeReport>;

export const PodReport = z.strictObject({
  uid: z.string(),
  /**
   * Rises with each report about this pod and survives restarts of the agent; a report whose number is not above the
   * stored one is late and is dropped.
   */
  observation: z.int().min(1),
  /** The pod's status in the API's form (phase, conditions, containerStatuses and so on). Absent: nothing to say of it. */
  status: z.record(z.string(), z.unknown()).optional(),
  /** True once every container of a deleted pod has ended: the control plane may forget the pod. */
  ended: z.boolean().optional(),
});
export type PodReport = z.output<typeof PodReport>;

/** Something worth telling a person, about a pod (by uid) or the node itself (no uid). */
export const EventReport = z.strictObject({
  podUid: z.string().optional(),
  /** `spec.containers{name}`, as the kubelet writes it. */
  fieldPath: z.string().optional(),
  type: z.enum(["Normal", "Warning"]),
  reason: z.string().max(128),
  message: z.string().max(1024),
  /** How often since `firstAt`; at least 1. */
  count: z.int().min(1),
  /** RFC 3339. */
  firstAt: z.string(),
  lastAt: z.string(),
});
export type EventReport = z.output<typeof EventReport>;

export const SyncRequest = z.strictObject({
  protocol: z.literal(protocolVersion),
  node: z.string().min(1).max(253),
  /** Rises by one with each message of this process; the answer names the last one that was taken. */
  sequence: z.int().min(1),
  /**
   * What the agent holds, from its last answer or its disk: the assignment's revision and etag (0 and "" when it has
   * none), the ids of the templates it keeps and the versions of the ConfigMaps and Secrets (no two objects have one in
   * common). Without `objects` the agent is one that knows of none, and is sent none.
   */
  have: z.strictObject({
    revision: z.int().min(0),
    etag: z.string(),
    templates: z.array(z.string()),
    objects: z.array(z.string()).optional(),
  }),
  /** True with the first message after the agent started: a Node object is made if there is none. */
  register: z.boolean().optional(),
  /** Sent at the start and when something of it changed, until an answer acknowledges it. */
  nodeReport: NodeReport.optional(),
  /** Pods whose state changed since the last acknowledged message. */
  pods: z.array(PodReport).optional(),
  events: z.array(EventReport).optional(),
  /** Only when the last answer asked for it. */
  usage: UsageReport.optional(),
});
export type SyncRequest = z.output<typeof SyncRequest>;

/** One pod that this node is to run, or to end. */
export const AssignedPod = z.object({
  uid: z.string(),
  namespace: z.string(),
  name: z.string(),
  /** Id of the template with everything that the pod shares with its siblings. */
  template: z.string(),
  /** Milliseconds since 1970. */
  createdAtMs: z.number(),
  /** The highest observation number on record; reports must go above it. */
  observation: z.number(),
  /** Set: end the pod, giving its containers this long. */
  deletion: z.object({ atMs: z.number(), gracePeriodSeconds: z.number() }).optional(),
  /** What its ServiceAccount says of things that the pod itself is silent on; absent: nothing. */
  serviceAccount: z
    .object({
      /** Names of Secrets. */
      imagePullSecrets: z.array(z.string()).optional(),
      automountServiceAccountToken: z.boolean().optional(),
    })
    .optional(),
  /** How the conditions stand that others than its node say of the pod, by their types; absent: there are none. */
  conditions: z.record(z.string(), z.string()).optional(),
});
export type AssignedPod = z.output<typeof AssignedPod>;

/** A ConfigMap or Secret that pods of the node name. */
export const AssignedObject = z.object({
  kind: z.enum(["ConfigMap", "Secret"]),
  namespace: z.string(),
  name: z.string(),
  /** Another one means other content; empty: there is no such object. */
  version: z.string(),
  /**
   * Absent where the agent has this version, and where there is too much to send at once: an agent that lacks one asks
   * again.
   */
  content: z
    .object({
      uid: z.string(),
      /** Of a Secret. */
      type: z.string(),
      data: z.record(z.string(), z.string()),
      /** In base64: `binaryData` of a ConfigMap, `data` of a Secret. */
      binaryData: z.record(z.string(), z.string()),
    })
    .optional(),
});
export type AssignedObject = z.output<typeof AssignedObject>;
const streams = { stdin: z.boolean(), stdout: z.boolean(), stderr: z.boolean(), tty: z.boolean() };

/** What somebody wants of a pod, with all options that the agent has to know. */
export const SessionWish = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("log"),
    follow: z.boolean(),
    previous: z.boolean(),
    timestamps: z.boolean(),
    /** Of these two at most one. */
    sinceSeconds: z.number().optional(),
    /** RFC 3339. */
    sinceTime: z.string().optional(),
    tailLines: z.number().optional(),
    limitBytes: z.number().optional(),
  }),
  z.object({ kind: z.literal("exec"), command: z.array(z.string()), ...streams }),
  z.object({ kind: z.literal("attach"), ...streams }),
  z.object({
    kind: z.literal("portforward"),
    /** `spdy`: the bytes of SPDY/3.1 in messages. `channels`: two channels for each of `ports`. */
    framing: z.enum(["spdy", "channels"]),
    ports: z.array(z.number()),
  }),
]);
export type SessionWish = z.output<typeof SessionWish>;

/** A person waits for a session with a pod of this node; it is to be taken on at once, or not at all. */
export const SessionOffer = z.object({
  id: z.string(),
  podUid: z.string(),
  /** Empty when the session is with the pod as a whole. */
  container: z.string(),
  wish: SessionWish,
});
export type SessionOffer = z.output<typeof SessionOffer>;

/** Why an agent does not take on a session that it was offered. */
export const SessionRefusal = z.strictObject({
  /** As the kubelet would answer over HTTP. */
  code: z.union([z.literal(400), z.literal(404), z.literal(500)]),
  message: z.string().max(1024),
});
export type SessionRefusal = z.output<typeof SessionRefusal>;

export const SyncAnswer = z.object({
  protocol: z.number(),
  /** The sequence this answers; 0 when the control plane speaks first. Everything reported with it is durable. */
  acknowledged: z.number(),
  /** False: the Node object was deleted; the agent ends its pods and says nothing more until it is started again. */
  registered: z.boolean(),
  /** Rises with each change of the assignment; an agent never acts on one below what it has. */
  revision: z.number(),
  /** Names the content; equal etags mean equal assignments. */
  etag: z.string(),
  /** Every pod of the node. Absent: what the agent has is right. */
  pods: z.array(AssignedPod).optional(),
  /** Templates (`PodTemplate` of the model) named in `pods` that the agent lacks, by id. */
  templates: z.record(z.string(), z.unknown()).optional(),
  /** Every object that the `pods` name, with the content of those that the agent lacks. */
  objects: z.array(AssignedObject).optional(),
  /** True: the control plane has counted the node as lost; send its report and those of all pods again. */
  resend: z.boolean().optional(),
  /** True: somebody wants to know what the node and its pods use; it is to be told soon, in a message of its own if need be. */
  usage: z.boolean().optional(),
  /** Sessions to be taken on. One may be named again until it was; agents go by its id. */
  sessions: z.array(SessionOffer).optional(),
  /** When to sync next if nothing happens, in milliseconds. Jitter is the agent's to add. */
  nextSyncMs: z.number(),
});
export type SyncAnswer = z.output<typeof SyncAnswer>;

/** Body of POST token: the node asks for a token of the ServiceAccount of one of its pods, which ends with the pod. */
export const PodTokenRequest = z.strictObject({
  podUid: z.string().min(1).max(128),
  /** Whom the token is for; empty: the API. */
  audience: z.string().max(1024),
  expirationSeconds: z.int(),
});
export type PodTokenRequest = z.output<typeof PodTokenRequest>;

export const PodTokenAnswer = z.object({
  token: z.string(),
  /** How long it is good from now on: the clock of a node may be wrong. */
  expiresInMs: z.number(),
});
export type PodTokenAnswer = z.output<typeof PodTokenAnswer>;

/** Body of POST review: somebody showed this token to the node, and wants to read what it serves. */
export const ReviewRequest = z.strictObject({
  token: z
    .string()
    .min(1)
    .max(16 * 1024),
});
export type ReviewRequest = z.output<typeof ReviewRequest>;

export const ReviewAnswer = z.object({
  /** Null: the token is nobody's. */
  user: z.string().nullable(),
  /** The parts of the Node (`metrics`, `stats`, `proxy` and so on) that this user may `get`. */
  parts: z.array(z.string()),
});
export type ReviewAnswer = z.output<typeof ReviewAnswer>;

const texts = z.record(z.string(), z.string());

/** Body of POST mirror: every pod that the node runs by itself. Those that the control plane shows and are not here go. */
export const MirrorRequest = z.strictObject({
  node: z.string().min(1).max(253),
  pods: z
    .array(
      z.strictObject({
        namespace: z.string().min(1).max(63),
        name: z.string().min(1).max(253),
        /** Another one is another pod of that name. */
        hash: z.string().min(1).max(64),
        labels: texts.optional(),
        annotations: texts,
        /** Of the pod, in the API's form. */
        spec: z.record(z.string(), z.unknown()),
      }),
    )
    .max(64),
});
export type MirrorRequest = z.output<typeof MirrorRequest>;

/** What could not be shown, and why. */
export const MirrorAnswer = z.object({ problems: z.array(z.string()) });
export type MirrorAnswer = z.output<typeof MirrorAnswer>;
