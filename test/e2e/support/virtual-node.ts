// A node of a site whose agent is systemd's, on a virtual machine with a kernel of its own.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { diskOf } from "../../containers/systemd.ts";
import type { VirtualMachine } from "../../containers/virtual/virtual-machine.ts";
import { InstalledNode } from "./installed-node.ts";
import { podNetwork } from "./node-runtimes.ts";
import type { Site } from "./site.ts";

/** Who makes the control groups on behalf of containerd. */
export type CgroupDriver = "cgroupfs" | "systemd";

/** As Debian's is set up on a node. AppArmor is left on, which it is on Debian's kernel. */
function containerdConfig(registry: string, driver: CgroupDriver): string {
  return `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${registry}/test/pause:1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/containerd"
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
    endpoint = ["http://${registry}"]
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."${registry}"]
    endpoint = ["http://${registry}"]
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
    SystemdCgroup = ${driver === "systemd"}
`;
}

export class VirtualNode extends InstalledNode<VirtualMachine> {
  /** A machine that is on, with containerd running and the agent's program in root's folder. */
  static async set(site: Site, name: string, driver: CgroupDriver): Promise<VirtualNode> {
    const machine = site.newVirtualMachine(name);
    const node = new VirtualNode(site, machine);
    const onDisk = (path: string) => join(diskOf(machine), path);
    copyFileSync(site.agentProgram, onDisk("root/lares-agent.cjs"));
    copyFileSync(site.authorityFile, onDisk("root/ca.crt"));
    mkdirSync(onDisk("etc/containerd"));
    writeFileSync(onDisk("etc/containerd/config.toml"), containerdConfig(site.registry.host, driver));
    writeFileSync(onDisk("etc/containerd/10-pods.conflist"), JSON.stringify(podNetwork));
    machine.enable("containerd.service", "multi-user.target");
    await machine.start();
    await node.untilRunning();
    return node;
  }

  /** Resolves when all is started that is to be. */
  async untilRunning(): Promise<void> {
    const { stdout } = await this.machine.run("systemctl", "is-system-running", "--wait");
    if (stdout.trim() === "running") return;
    throw new Error(`${stdout}${await this.machine.ok("systemctl", "--failed", "--no-pager")}`);
  }
}
