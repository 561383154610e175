// What a pod calls itself.
// Source: kubelet_pods.go GeneratePodHostNameAndDomain, setHostnameAsFQDN.
import type { PodSpec } from "../../../src/model/pod-spec.ts";
import type { PodSurroundings } from "./environment.ts";

const clusterDomain = "cluster.local";
const longestName = 63;
const longestFullName = 64;

/** The pod's name within its domain, and the domain; no domain: empty. */
export function hostAndDomain({ assigned, definition, node }: PodSurroundings): { host: string; domain: string } {
  const { spec } = definition;
  if (spec.hostNetwork === true) return { host: node.name, domain: "" };
  const host = (spec.hostname ?? assigned.name).slice(0, longestName).replace(/[-.]+$/, "");
  const { subdomain = "" } = spec;
  return { host, domain: subdomain === "" ? "" : `${subdomain}.${assigned.namespace}.svc.${clusterDomain}` };
}

/** What the kernel of the pod's sandbox is told. */
export function hostNameOf(pod: PodSurroundings): string {
  const { host, domain } = hostAndDomain(pod);
  return isFullNameWanted(pod.definition.spec) && domain !== "" ? `${host}.${domain}` : host;
}

/** Null when the kernel takes the name. */
export function hostNameProblem(pod: PodSurroundings): string | null {
  const name = hostNameOf(pod);
  if (!isFullNameWanted(pod.definition.spec) || name.length <= longestFullName) return null;
  return `failed to construct FQDN from pod hostname and cluster domain, FQDN ${name} is too long (${longestFullName} characters is the max, ${name.length} characters requested)`;
}

function isFullNameWanted({ setHostnameAsFQDN, hostNetwork }: PodSpec): boolean {
  return setHostnameAsFQDN === true && hostNetwork !== true;
}
