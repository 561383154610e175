// Which endpoints a Service has, and in which slices they stand. A change moves as little as it can.
// Source: k8s.io/endpointslice (utils.go, reconciler.go); pkg/controller/endpoint.
import type { Endpoint, SlicePort } from "../model/endpoint-slice.ts";
import type { EndpointAddress, EndpointSubset } from "../model/endpoints.ts";
import { semanticEqual } from "../model/equality.ts";
import { matchesAll } from "../model/labels.ts";
import type { Pod } from "../model/pod.ts";
import type { ServicePort } from "../model/service.ts";
import { isReadyStatus } from "./pod-conditions.ts";

/** How many endpoints a slice has at most. */
export const endpointsPerSlice = 100;
/** How many addresses Endpoints have at most; slices have all. */
const mostAddresses = 1_000;

/** What of a Service decides over its endpoints. */
export type ServiceFacts = {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly ServicePort[];
  readonly publishNotReady: boolean;
  readonly headless: boolean;
};

/** An endpoint and the ports that it has; those with other ports stand in other slices. */
export type Placed = { readonly endpoint: Endpoint; readonly ports: readonly SlicePort[] };

export type Slice = {
  readonly name: string;
  readonly ports: readonly SlicePort[];
  readonly endpoints: readonly Endpoint[];
};

export function selects({ selector }: ServiceFacts, labels: Readonly<Record<string, string>> | undefined): boolean {
  return matchesAll(selector, labels ?? {});
}

/** The endpoint that a pod is; null: it has no address, or has come to its end. */
export function endpointOf(service: ServiceFacts, pod: Pod): Placed | null {
  const { metadata, spec, status } = pod;
  const address = status.podIP;
  if (address === undefined || status.phase === "Failed" || status.phase === "Succeeded") return null;
  const serving = isReadyStatus(status);
  const terminating = metadata.deletionTimestamp !== undefined;
  const isNamed = spec.hostname !== undefined && spec.subdomain === service.name;
  const { namespace = "", name = "", uid = "" } = metadata;
  const endpoint: Endpoint = {
    addresses: [address],
    conditions: { ready: service.publishNotReady || (serving && !terminating), serving, terminating },
    ...(isNamed ? { hostname: spec.hostname } : {}),
    targetRef: { kind: "Pod", namespace, name, uid },
    ...(spec.nodeName === undefined ? {} : { nodeName: spec.nodeName }),
  };
  return { endpoint, ports: portsOf(service, pod) };
}

/** The Service's ports as this pod has them; one that it has not is left out. */
function portsOf(service: ServiceFacts, { spec }: Pod): readonly SlicePort[] {
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  const containerPorts = [...spec.containers, ...sidecars].flatMap(({ ports }) => ports ?? []);
  return service.ports.flatMap(({ name = "", protocol, targetPort, appProtocol }) => {
    const port =
      typeof targetPort === "number"
        ? targetPort
        : containerPorts.find((candidate) => candidate.name === targetPort && candidate.protocol === protocol)
            ?.containerPort;
    if (port === undefined) return [];
    return [{ name, protocol, port, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });
}

export type SlicePlan = {
  /** All slices as they are to be. */
  readonly slices: readonly Slice[];
  /** Names of those among them that are new or other than before. */
  readonly changed: ReadonlySet<string>;
  /** Names of those that go. */
  readonly removed: ReadonlySet<string>;
};

type Draft = { name: string; ports: readonly SlicePort[]; endpoints: Map<string, Endpoint> };

function uidOf({ targetRef }: Endpoint): string {
  return targetRef?.uid ?? "";
}

/**
 * Puts endpoints, by the uids of their pods, into slices; null takes one out. Endpoints stay where they are, new ones fill
 * the fullest slice that is changed anyway, or else the fullest. There is always a slice, if only an empty one.
 */
export function placeEndpoints(
  before: readonly Slice[],
  changes: ReadonlyMap<string, Placed | null>,
  newName: () => string,
): SlicePlan {
  const drafts = new Map<string, Draft>(
    before.map(({ name, ports, endpoints }) => [
      name,
      { name, ports, endpoints: new Map(endpoints.map((endpoint) => [uidOf(endpoint), endpoint])) },
    ]),
  );
  const placeOf = new Map(
    [...drafts.values()].flatMap((draft) => [...draft.endpoints.keys()].map((uid) => [uid, draft] as const)),
  );
  const changed = new Set<string>();
  const added: (Placed & { readonly uid: string })[] = [];
  for (const [uid, placed] of changes) {
    const draft = placeOf.get(uid);
    if (draft !== undefined && placed !== null && semanticEqual(draft.ports, placed.ports)) {
      if (semanticEqual(draft.endpoints.get(uid), placed.endpoint)) continue;
      draft.endpoints.set(uid, placed.endpoint);
      changed.add(draft.name);
      continue;
    }
    if (draft !== undefined) {
      draft.endpoints.delete(uid);
      changed.add(draft.name);
    }
    if (placed !== null) added.push({ ...placed, uid });
  }
  const groups = new Map<string, Draft[]>();
  for (const draft of drafts.values()) groupOf(groups, draft.ports).push(draft);
  for (const { uid, endpoint, ports } of added) {
    const draft = roomFor(groups, drafts, { ports, changed, newName });
    draft.endpoints.set(uid, endpoint);
    changed.add(draft.name);
  }
  return settled(before, drafts, { changed, newName });
}

function groupOf(groups: Map<string, Draft[]>, ports: readonly SlicePort[]): Draft[] {
  const key = JSON.stringify(ports);
  const group = groups.get(key) ?? [];
  groups.set(key, group);
  return group;
}

type Wanted = {
  readonly ports: readonly SlicePort[];
  readonly changed: ReadonlySet<string>;
  readonly newName: () => string;
};

function roomFor(groups: Map<string, Draft[]>, drafts: Map<string, Draft>, wanted: Wanted): Draft {
  const { ports, changed, newName } = wanted;
  const group = groupOf(groups, ports);
  let best: Draft | null = null;
  for (const draft of group) {
    if (draft.endpoints.size >= endpointsPerSlice) continue;
    if (best === null || isBetter(draft, best, changed)) best = draft;
  }
  if (best !== null) return best;
  const empty = [...drafts.values()].find(({ endpoints }) => endpoints.size === 0);
  const made = empty ?? { name: newName(), ports, endpoints: new Map<string, Endpoint>() };
  if (empty !== undefined) {
    const old = groupOf(groups, empty.ports);
    old.splice(old.indexOf(empty), 1);
    empty.ports = ports;
  }
  drafts.set(made.name, made);
  group.push(made);
  return made;
}

function isBetter(draft: Draft, than: Draft, changed: ReadonlySet<string>): boolean {
  const [isChanged, wasChanged] = [changed.has(draft.name), changed.has(than.name)];
  if (isChanged !== wasChanged) return isChanged;
  return draft.endpoints.size > than.endpoints.size;
}

type Settling = { readonly changed: Set<string>; readonly newName: () => string };

function settled(
  before: readonly Slice[],
  drafts: ReadonlyMap<string, Draft>,
  { changed, newName }: Settling,
): SlicePlan {
  const filled = [...drafts.values()].filter(({ endpoints }) => endpoints.size > 0);
  const kept = filled.length > 0 ? filled : [emptied(before, newName)];
  const slices = kept.map(({ name, ports, endpoints }) => ({ name, ports, endpoints: [...endpoints.values()] }));
  const names = new Set(slices.map(({ name }) => name));
  const [first] = slices;
  if (filled.length === 0 && first !== undefined && !isEmptySlice(before, first.name)) changed.add(first.name);
  return {
    slices,
    changed: new Set([...changed].filter((name) => names.has(name))),
    removed: new Set(before.filter(({ name }) => !names.has(name)).map(({ name }) => name)),
  };
}

/** A Service whose selector picks nothing has a slice of nothing. */
function emptied([first]: readonly Slice[], newName: () => string): Draft {
  return { name: first?.name ?? newName(), ports: [], endpoints: new Map() };
}

function isEmptySlice(before: readonly Slice[], name: string): boolean {
  const slice = before.find((candidate) => candidate.name === name);
  return slice !== undefined && slice.endpoints.length === 0 && slice.ports.length === 0;
}

export type Subsets = { readonly subsets: readonly EndpointSubset[]; readonly isTruncated: boolean };

/** The same in the older form: without those that are ending, and without what is too much, the ready ones first. */
export function endpointSubsets(slices: readonly Slice[]): Subsets {
  const all = slices.flatMap(({ ports, endpoints }) => endpoints.map((endpoint) => ({ endpoint, ports })));
  const ready = all.filter(({ endpoint }) => endpoint.conditions.ready === true);
  const waiting = all.filter(({ endpoint: { conditions } }) => !conditions.ready && conditions.terminating !== true);
  const shown = [...ready, ...waiting].slice(0, mostAddresses);
  const groups = new Map<string, { ports: readonly SlicePort[]; placed: Placed[] }>();
  for (const placed of shown) {
    const key = JSON.stringify(placed.ports);
    const group = groups.get(key) ?? { ports: placed.ports, placed: [] };
    group.placed.push(placed);
    groups.set(key, group);
  }
  return {
    subsets: [...groups.values()].map(({ ports, placed }) => subsetOf(ports, placed)),
    isTruncated: ready.length + waiting.length > mostAddresses,
  };
}

function subsetOf(ports: readonly SlicePort[], placed: readonly Placed[]): EndpointSubset {
  const of = (isReady: boolean) =>
    placed
      .filter(({ endpoint }) => (endpoint.conditions.ready === true) === isReady)
      .map(({ endpoint }) => addressOf(endpoint));
  const [addresses, notReadyAddresses] = [of(true), of(false)];
  return {
    ...(addresses.length === 0 ? {} : { addresses }),
    ...(notReadyAddresses.length === 0 ? {} : { notReadyAddresses }),
    ...(ports.length === 0 ? {} : { ports: ports.map(portOf) }),
  };
}

function addressOf({ addresses, hostname, nodeName, targetRef }: Endpoint): EndpointAddress {
  return {
    ip: addresses?.[0] ?? "",
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(targetRef === undefined ? {} : { targetRef }),
  };
}

function portOf({ name, port = 0, protocol, appProtocol }: SlicePort) {
  return {
    ...(name === "" ? {} : { name }),
    port,
    protocol,
    ...(appProtocol === undefined ? {} : { appProtocol }),
  };
}
