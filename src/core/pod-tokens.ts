// Which tokens of its ServiceAccount a pod uses: its node may ask for these and no others.
// Source: admission plugins ServiceAccount and NodeRestriction (feature ServiceAccountNodeAudienceRestriction).
import type { PodTemplate } from "../model/pod-template.ts";
import type { AccountTerms } from "./named-objects.ts";
import { mirrorAnnotation } from "./named-objects.ts";

export type PodTokens = {
  readonly serviceAccount: string;
  /** Whom the tokens may be for; empty: the API. */
  readonly audiences: readonly string[];
};

/** `terms`: what the ServiceAccount says where the pod is silent. */
export function podTokens({ metadata, spec }: PodTemplate, terms: AccountTerms | undefined): PodTokens {
  const serviceAccount = spec.serviceAccountName ?? "default";
  if (metadata.annotations?.[mirrorAnnotation] !== undefined) return { serviceAccount, audiences: [] };
  const automount = spec.automountServiceAccountToken ?? terms?.automountServiceAccountToken ?? true;
  const projected = (spec.volumes ?? []).flatMap((volume) => volume.projected?.sources ?? []);
  const audiences = [
    ...(automount ? [""] : []),
    ...projected.flatMap(({ serviceAccountToken: token }) => (token === undefined ? [] : [token.audience ?? ""])),
  ];
  return { serviceAccount, audiences: [...new Set(audiences)] };
}
