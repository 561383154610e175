// What simulated watchers look at.
import type { Scope } from "../check/watching.ts";
import type { Random } from "../engine/random.ts";

export type Wish = Scope & {
  readonly path: string;
  /** Query parameters with the selectors. */
  readonly query: string;
};

const everything = () => true;

const wishes: readonly [Wish, ...Wish[]] = [
  { path: "/api/v1/pods", query: "", resource: "pods", namespace: null, picks: everything },
  {
    path: "/api/v1/namespaces/default/pods",
    query: "",
    resource: "pods",
    namespace: "default",
    picks: everything,
  },
  {
    path: "/api/v1/pods",
    query: "labelSelector=flavour!%3Dsweet",
    resource: "pods",
    namespace: null,
    picks: ({ labels }) => labels["flavour"] !== "sweet",
  },
  {
    path: "/api/v1/pods",
    query: "fieldSelector=spec.nodeName%3Dnode-0",
    resource: "pods",
    namespace: null,
    picks: ({ node }) => node === "node-0",
  },
  {
    path: "/api/v1/pods",
    query: "fieldSelector=status.phase%3DRunning",
    resource: "pods",
    namespace: null,
    picks: ({ phase }) => phase === "Running",
  },
  { path: "/apis/apps/v1/daemonsets", query: "", resource: "daemonsets.apps", namespace: null, picks: everything },
  {
    path: "/apis/apps/v1/controllerrevisions",
    query: "",
    resource: "controllerrevisions.apps",
    namespace: null,
    picks: everything,
  },
  { path: "/api/v1/nodes", query: "", resource: "nodes", namespace: null, picks: everything },
  {
    path: "/api/v1/nodes",
    query: "labelSelector=tier%20notin%20(gold)",
    resource: "nodes",
    namespace: null,
    picks: ({ labels }) => labels["tier"] !== "gold",
  },
  {
    path: "/api/v1/nodes",
    query: "labelSelector=zone%20in%20(a%2Cb)",
    resource: "nodes",
    namespace: null,
    picks: ({ labels }) => labels["zone"] === "a" || labels["zone"] === "b",
  },
];

export function anyWish(random: Random): Wish {
  return random.pick(wishes);
}
