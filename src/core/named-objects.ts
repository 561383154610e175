// Which ConfigMaps and Secrets a pod needs on its node: a node is given these and no others.
// Source: plugin/pkg/auth/authorizer/node graph AddPod; admission plugin ServiceAccount.
import type { NamedObject } from "../model/named-objects.ts";
import { objectsUsedBy, secretsNamed, uniqueObjects } from "../model/named-objects.ts";
import type { PodTemplate } from "../model/pod-template.ts";
import type { ServiceAccount } from "../model/service-account.ts";

/** The part of a ServiceAccount that its pods' nodes act on. */
export type AccountTerms = Pick<ServiceAccount, "imagePullSecrets" | "automountServiceAccountToken">;

export type PodNeeds = {
  /** What the pod itself names; each once. */
  readonly objects: readonly NamedObject[];
  /** The ServiceAccount, and which of its terms count because the pod is silent on them; null: it has no say. */
  readonly account: { readonly name: string; readonly pullSecrets: boolean; readonly automount: boolean } | null;
};

/** Marks pods that stand for what a node runs of its own accord. */
export const mirrorAnnotation = "kubernetes.io/config.mirror";

export function podNeeds({ metadata, spec }: PodTemplate): PodNeeds {
  // A node makes its own mirror pods: by them it must come to nothing that it was not given.
  if (metadata.annotations?.[mirrorAnnotation] !== undefined) return { objects: [], account: null };
  const { imagePullSecrets = [], serviceAccountName = "default", automountServiceAccountToken } = spec;
  const objects = uniqueObjects([...secretsNamed(imagePullSecrets), ...objectsUsedBy(spec)]);
  const pullSecrets = imagePullSecrets.length === 0;
  const automount = automountServiceAccountToken === undefined;
  return { objects, account: pullSecrets || automount ? { name: serviceAccountName, pullSecrets, automount } : null };
}

/** What its ServiceAccount (null: there is none) adds to what the pod says itself; undefined: nothing. */
export function accountTerms({ account }: PodNeeds, terms: AccountTerms | null): AccountTerms | undefined {
  if (account === null || terms === null) return undefined;
  const { imagePullSecrets = [], automountServiceAccountToken } = terms;
  const givesSecrets = account.pullSecrets && imagePullSecrets.length > 0;
  const saysAutomount = account.automount && automountServiceAccountToken !== undefined;
  if (!givesSecrets && !saysAutomount) return undefined;
  return {
    ...(givesSecrets ? { imagePullSecrets } : {}),
    ...(saysAutomount ? { automountServiceAccountToken } : {}),
  };
}

/** What a pod needs by the terms of its ServiceAccount. */
export function objectsOfTerms(terms: AccountTerms | undefined): readonly NamedObject[] {
  return uniqueObjects(secretsNamed(terms?.imagePullSecrets ?? []));
}
