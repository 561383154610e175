// What the server does to some new objects before they are checked and stored, and what it does once they are.
import { qualifiedResource } from "../model/api-error.ts";
import type { CertificateSigningRequest } from "../model/certificate-signing-request.ts";
import { acceptNames } from "../model/custom/accepted-names.ts";
import type { CustomResourceDefinition } from "../model/custom/definition.ts";
import { definitionsResource } from "../model/custom/definition.ts";
import { definitionWarnings } from "../model/custom/definition-warnings.ts";
import { goTime } from "../model/instant.ts";
import type { JoinToken } from "../model/join-token.ts";
import type { KubeObject } from "../model/meta.ts";
import { notRunMessage, notRunReason } from "../model/not-run-here.ts";
import type { Pod } from "../model/pod.ts";
import { defaultPod } from "../model/pod-defaults.ts";
import type { PriorityClass } from "../model/priority-class.ts";
import { runBatch } from "../store/batch.ts";
import { digestOf, insertToken, newSecret } from "../store/credentials.ts";
import { EventRecorder } from "../store/event-recorder.ts";
import { insertObjects, readObjects } from "../store/objects.ts";
import { dated, signedBySender } from "./certifying.ts";
import type { RequestContext } from "./context.ts";
import { defaultServiceAccount } from "./seed.ts";

export type Admitted = {
  readonly object: KubeObject;
  /** To be called once the object is stored. */
  created(stored: KubeObject): Promise<void>;
  /** The object as its creator, and nobody after, is told of it. */
  told(object: KubeObject): KubeObject;
};

/** Throws what refuses the object. */
export async function admitNew(context: RequestContext, object: KubeObject): Promise<Admitted> {
  const plain: Admitted = { object, created: async () => {}, told: (stored) => stored };
  switch (qualifiedResource(context.target.resource)) {
    case "pods":
      return { ...plain, object: await admitPod(context, object as Pod) };
    case "namespaces":
      return { ...plain, created: () => furnish(context, object) };
    case "jointokens.lares.dev":
      return admitJoinToken(context, object as JoinToken);
    case "deployments.apps":
    case "replicationcontrollers":
    case "replicasets.apps":
    case "statefulsets.apps":
    case "jobs.batch":
    case "cronjobs.batch":
      return { ...plain, created: (stored) => tellNotRun(context, stored) };
    case "certificatesigningrequests.certificates.k8s.io":
      return { ...plain, object: signedBySender(context, object as CertificateSigningRequest) };
    case definitionsResource:
      return { ...plain, object: await admitDefinition(context, object as CustomResourceDefinition) };
    default:
      return plain;
  }
}

/** Of a workload that is kept and not run: an Event says so, for status is not where everybody looks. */
async function tellNotRun({ env, nowMs }: RequestContext, { apiVersion, kind, metadata }: KubeObject): Promise<void> {
  const { namespace = "", name = "", uid = "" } = metadata;
  const told = {
    happening: {
      subject: { apiVersion, kind, namespace, name, uid },
      type: "Warning",
      reason: notRunReason,
      message: notRunMessage(`${kind}s`),
    },
    source: { component: "lares" },
  } as const;
  await runBatch(env.DB, [new EventRecorder().record(env.DB, [told], { nowMs })]);
}

async function admitPod({ env }: RequestContext, pod: Pod): Promise<Pod> {
  const [classes] = await runBatch(env.DB, [
    readObjects(env.DB, { resource: "priorityclasses.scheduling.k8s.io", namespace: "", after: null, limit: 1_000 }),
  ]);
  // Stored as PriorityClasses, so they are.
  return defaultPod(pod, classes as readonly PriorityClass[]);
}

/** A definition is served as soon as it is there, unless others have its names. */
async function admitDefinition(
  { kinds, nowMs, warn }: RequestContext,
  definition: CustomResourceDefinition,
): Promise<CustomResourceDefinition> {
  for (const warning of definitionWarnings(definition)) warn(warning);
  return acceptNames(definition, await kinds.namesBeside(definition), nowMs);
}

/**
 * What follows from a change that is about to be written. Throws what refuses it.
 */
export async function admitChanged(context: RequestContext, object: KubeObject): Promise<KubeObject> {
  switch (qualifiedResource(context.target.resource)) {
    case "certificatesigningrequests.certificates.k8s.io":
      return dated(context, object as CertificateSigningRequest);
    case definitionsResource:
      return context.target.subresource === null
        ? admitDefinition(context, object as CustomResourceDefinition)
        : object;
    default:
      return object;
  }
}

/** Every namespace has a service account for pods that name none. */
async function furnish({ env, nowMs }: RequestContext, { metadata }: KubeObject): Promise<void> {
  await runBatch(env.DB, [insertObjects(env.DB, [defaultServiceAccount(metadata.name ?? "", nowMs)], { nowMs })]);
}

/** Only the digest of a join token is kept; the token itself is in the answer to its creation. */
function admitJoinToken({ env, nowMs }: RequestContext, object: JoinToken): Admitted {
  const expiresMs = nowMs + object.spec.expirationSeconds * 1000;
  const id = newSecret().slice(0, 12);
  const token = `laresjoin_${id}_${newSecret()}`;
  const admitted = { ...object, status: { uses: 0, expirationTimestamp: goTime(expiresMs) } };
  return {
    object: admitted,
    created: ({ metadata }) =>
      insertToken(env.DB, {
        id,
        kind: "join",
        digest: digestOf(token),
        subject: metadata.name ?? "",
        uid: metadata.uid ?? "",
        expiresMs,
      }),
    told: (stored) => ({ ...stored, status: { ...admitted.status, token } }),
  };
}
