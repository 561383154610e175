// How a pod resolves names. There is no cluster DNS here: ClusterFirst is as the node does it, which is what the kubelet
// falls back to where it knows of none.
// Source: kubelet network/dns/dns.go.
import type { PodSpec } from "../../../src/model/pod-spec.ts";
import type { DnsConfig } from "../runtime/runtime.ts";

const mostServers = 3;
const mostSearches = 32;
const mostSearchCharacters = 2048;

/** Undefined: the runtime's own way, which is the node's, will do. */
export function dnsOf(spec: PodSpec, node: DnsConfig): DnsConfig | undefined {
  const { dnsPolicy, dnsConfig } = spec;
  if (dnsPolicy !== "None" && dnsConfig === undefined) return isUsable(node) ? node : undefined;
  const base = dnsPolicy === "None" ? { servers: [], searches: [], options: [] } : node;
  const { nameservers = [], searches = [], options = [] } = dnsConfig ?? {};
  const given = options.map(({ name = "", value }) => ({
    name,
    text: value === undefined ? name : `${name}:${value}`,
  }));
  const named = new Set(given.map(({ name }) => name));
  return {
    servers: unique([...base.servers, ...nameservers]).slice(0, mostServers),
    searches: withinLimits(unique([...base.searches, ...searches])),
    options: [...base.options.filter((text) => !named.has(text.split(":")[0] ?? "")), ...given.map(({ text }) => text)],
  };
}

/** A server that the node runs for itself is out of reach of its pods; runtimes have their own ways around that. */
function isUsable({ servers }: DnsConfig): boolean {
  return servers.length > 0 && !servers.some((server) => server.startsWith("127.") || server === "::1");
}

/** What does not fit into a resolv.conf, for people; null when everything does. */
export function dnsProblem(spec: PodSpec, node: DnsConfig): string | null {
  const servers = unique([...(spec.dnsPolicy === "None" ? [] : node.servers), ...(spec.dnsConfig?.nameservers ?? [])]);
  if (servers.length <= mostServers) return null;
  const applied = servers.slice(0, mostServers).join(" ");
  return `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${applied}`;
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}

function withinLimits(searches: readonly string[]): readonly string[] {
  const kept: string[] = [];
  let characters = 0;
  for (const search of searches.slice(0, mostSearches)) {
    characters += search.length + 1;
    if (characters > mostSearchCharacters) break;
    kept.push(search);
  }
  return kept;
}

/** Reads a resolv.conf. */
export function readResolver(text: string): DnsConfig {
  const servers: string[] = [];
  let searches: readonly string[] = [];
  let options: readonly string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...words] = line.trim().split(/\s+/);
    if (keyword === "nameserver" && words[0] !== undefined) servers.push(words[0]);
    // The last line of a kind counts.
    if (keyword === "search") searches = words;
    if (keyword === "options") options = words;
  }
  return { servers: servers.slice(0, mostServers), searches, options };
}
