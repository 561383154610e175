// What a simulated host says of itself.
import type { NodeReport } from "../../src/sync/messages.ts";
import { nodeConditions } from "../node/host/node-facts.ts";
import { kubeletVersion } from "../node/version.ts";

const capacity = { cpu: "4", "ephemeral-storage": "62914560Ki", memory: "4194304Ki", pods: "110" };
const conditions = nodeConditions(new Set(), null);
const digits = 5;

const system = {
  architecture: "arm64",
  containerRuntimeVersion: "fake://1.0.0",
  kernelVersion: "6.12.0",
  kubeProxyVersion: kubeletVersion,
  kubeletVersion,
  operatingSystem: "linux",
  osImage: "Simulated Linux",
};

function nodeName(prefix: string, number: number): string {
  return `${prefix}${String(number).padStart(digits, "0")}`;
}

export function simulatedNode(number: number, prefix: string, labels: Readonly<Record<string, string>>): NodeReport {
  const name = nodeName(prefix, number);
  const machineID = number.toString(16).padStart(32, "0");
  return {
    labels: {
      "beta.kubernetes.io/arch": "arm64",
      "beta.kubernetes.io/os": "linux",
      "kubernetes.io/arch": "arm64",
      "kubernetes.io/hostname": name,
      "kubernetes.io/os": "linux",
      ...labels,
    },
    addresses: [
      { type: "InternalIP", address: `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}` },
      { type: "Hostname", address: name },
    ],
    capacity,
    allocatable: capacity,
    conditions,
    nodeInfo: { ...system, machineID, systemUUID: machineID, bootID: machineID },
  };
}
