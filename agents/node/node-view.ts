// The node as its pods' statuses and environments show it.
import type { NodeReport } from "../../src/sync/messages.ts";

export type NodeView = {
  readonly name: string;
  readonly ips: readonly string[];
  readonly allocatable: Readonly<Record<string, string>>;
};

export function nodeView(name: string, report: NodeReport): NodeView {
  const ips = report.addresses.filter(({ type }) => type === "InternalIP").map(({ address }) => address);
  return { name, ips, allocatable: report.allocatable };
}
