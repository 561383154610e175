// Names, addresses, and what a pod shares with its node.
import { readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { expect } from "vitest";

import type { PodCase } from "./case.ts";

const own = (name: string) => `readlink /proc/self/ns/${name}`;
const hosts = (name: string) => readlinkSync(`/proc/self/ns/${name}`);
const shared = ["net", "pid", "ipc"];

const apart: PodCase = {
  pod: "apart",
  spec: () => ({
    hostname: "named",
    subdomain: "group",
    hostAliases: [{ ip: "192.0.2.7", hostnames: ["seven.example", "seven"] }],
    dnsPolicy: "None",
    dnsConfig: {
      nameservers: ["192.0.2.53", "192.0.2.54"],
      searches: ["a.example", "b.example"],
      options: [{ name: "ndots", value: "3" }, { name: "edns0" }],
    },
  }),
  rows: [
    { row: "hostname", shows: "hostname", is: "named" },
    {
      row: "subdomain: in the hosts file, with the pod's address",
      shows: "grep named /etc/hosts",
      is: ({ status }) => `${status?.podIP}\tnamed.group.default.svc.cluster.local\tnamed`,
    },
    { row: "hostAliases", shows: "grep 192.0.2.7 /etc/hosts", is: "192.0.2.7\tseven.example\tseven" },
    {
      row: "dnsPolicy None, dnsConfig",
      // Some runtimes say in it where it comes from.
      shows: "grep '^[a-z]' /etc/resolv.conf | sort",
      is: "nameserver 192.0.2.53\nnameserver 192.0.2.54\noptions ndots:3 edns0\nsearch a.example b.example",
    },
    {
      row: "hostNetwork, hostPID, hostIPC: none of them unless asked for",
      shows: shared.map((name) => `test "$(${own(name)})" = "${hosts(name)}" || echo own`).join("; "),
      is: "own\nown\nown",
    },
  ],
};

const full: PodCase = {
  pod: "full-name",
  spec: () => ({
    subdomain: "group",
    setHostnameAsFQDN: true,
    shareProcessNamespace: true,
    dnsPolicy: "Default",
    dnsConfig: { searches: ["more.example"] },
    containers: [
      { name: "main" },
      { name: "other", command: ["sh", "-c", "trap 'exit 0' TERM; sleep 7654321 & wait $!"] },
    ],
  }),
  rows: [
    { row: "setHostnameAsFQDN", shows: "hostname", is: "full-name.group.default.svc.cluster.local" },
    {
      row: "shareProcessNamespace",
      shows: "until ps -o args | grep -q '[7]654321'; do sleep 0.1; done; echo seen",
      is: "seen",
    },
    {
      row: "dnsConfig: adds to what the policy gives",
      shows: "grep -c '^search.*more.example' /etc/resolv.conf",
      is: "1",
    },
  ],
};

const together: PodCase = {
  pod: "together",
  spec: () => ({ hostNetwork: true, hostPID: true, hostIPC: true, dnsPolicy: "Default" }),
  rows: [
    { row: "hostNetwork", shows: own("net"), is: hosts("net") },
    { row: "hostPID", shows: own("pid"), is: hosts("pid") },
    { row: "hostIPC", shows: own("ipc"), is: hosts("ipc") },
    { row: "hostNetwork: the node's name", shows: "hostname", is: new RegExp(`^(${hostname()}|node-1)$`) },
    {
      row: "hostNetwork: the node's address is the pod's",
      check: async (pod) => {
        await pod.untilReady();
        expect(pod.status?.podIP).toBe(pod.status?.hostIP);
      },
    },
  ],
};

export const networkCases: readonly PodCase[] = [apart, full, together];
