// What a Node has to offer, as the scheduler reads it.
import type { Node } from "../model/node.ts";
import type { NodeOffer } from "./node-fit.ts";
import { amountsOf } from "./pod-demand.ts";

// A Node is replaced, never changed; weakly, so that what is known goes with it.
const known = new WeakMap<Node, NodeOffer>();

export function nodeOffer(node: Node): NodeOffer {
  const remembered = known.get(node);
  if (remembered !== undefined) return remembered;
  const { metadata, spec, status } = node;
  const says = Object.keys(status.allocatable ?? {}).length > 0;
  const offer: NodeOffer = {
    name: metadata.name ?? "",
    labels: metadata.labels ?? {},
    taints: spec.taints ?? [],
    unschedulable: spec.unschedulable === true,
    allocatable: says ? amountsOf(status.allocatable) : null,
  };
  known.set(node, offer);
  return offer;
}
