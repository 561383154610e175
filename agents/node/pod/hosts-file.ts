// The hosts file of a pod's containers.
// Source: kubelet_pods.go managedHostsFileContent, nodeHostsFileContent.
import type { HostAlias } from "../../../src/model/pod-spec.ts";
import type { PodSurroundings } from "./environment.ts";
import { hostAndDomain } from "./host-name.ts";

export const hostsPath = "/etc/hosts";

const loopback = [
  "# Kubernetes-managed hosts file.",
  "127.0.0.1\tlocalhost",
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::0\tip6-localnet",
  "fe00::0\tip6-mcastprefix",
  "fe00::1\tip6-allnodes",
  "fe00::2\tip6-allrouters",
];

/** `nodesOwn`: the node's hosts file, which pods on its network get to see. */
export function hostsFile(pod: PodSurroundings, nodesOwn: string): string {
  const { hostNetwork, hostAliases = [] } = pod.definition.spec;
  const aliases = aliasLines(hostAliases);
  if (hostNetwork === true) return `# Kubernetes-managed hosts file (host network).\n${nodesOwn}${aliases}`;
  const { host, domain } = hostAndDomain(pod);
  const names = domain === "" ? host : `${host}.${domain}\t${host}`;
  const own = pod.podIp === "" ? [] : [`${pod.podIp}\t${names}`];
  return `${[...loopback, ...own].join("\n")}\n${aliases}`;
}

function aliasLines(aliases: readonly HostAlias[]): string {
  if (aliases.length === 0) return "";
  const lines = aliases.map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join("\t")}\n`);
  return `\n# Entries added by HostAliases.\n${lines.join("")}`;
}
