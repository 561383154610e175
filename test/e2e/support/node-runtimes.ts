// What runs containers on the nodes of a site, set up as on a node, with the site's registry in the place of Docker Hub.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import type { Machine, MachineProgram } from "../../containers/machine.ts";

type ContainerNames = { readonly pod: string; readonly name: string };

export type NodeRuntime = {
  readonly kind: "cri" | "docker";
  /** Writes its configuration to `dir`. */
  configure(dir: string, registry: string): void;
  start(machine: Machine, dir: string): Promise<MachineProgram>;
  /** Where it has a folder for each thing that runs. */
  readonly tasksDir: string;
  /** In that folder, what has the number of its process. */
  readonly pidFile: string;
  /** Null for what is no container of a pod. */
  namesOf(machine: Machine, id: string): ContainerNames | null;
};

/** containerd as it is set up on a node, with the site's registry in the place of Docker Hub. */
function containerdConfig(dir: string, registry: string): string {
  return `
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${registry}/test/pause:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${dir}"
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
    endpoint = ["http://${registry}"]
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."${registry}"]
    endpoint = ["http://${registry}"]
`;
}

export const podNetwork = {
  cniVersion: "0.4.0",
  name: "pods",
  plugins: [
    {
      type: "bridge",
      bridge: "cni0",
      isGateway: true,
      ipMasq: true,
      hairpinMode: true,
      ipam: { type: "host-local", ranges: [[{ subnet: "10.88.0.0/16" }]], routes: [{ dst: "0.0.0.0/0" }] },
    },
    { type: "portmap", capabilities: { portMappings: true } },
  ],
};

/** What containerd has a task for: the container of a pod, or its sandbox. */
const Bundle = z.object({
  annotations: z.object({
    "io.kubernetes.cri.container-type": z.enum(["container", "sandbox"]),
    "io.kubernetes.cri.sandbox-name": z.string(),
    "io.kubernetes.cri.container-name": z.string().optional(),
  }),
});

export const containerd: NodeRuntime = {
  kind: "cri",
  pidFile: "init.pid",
  tasksDir: "/run/containerd/io.containerd.runtime.v2.task/k8s.io",
  configure: (dir, registry) => {
    writeFileSync(join(dir, "containerd.toml"), containerdConfig(dir, registry));
    writeFileSync(join(dir, "10-pods.conflist"), JSON.stringify(podNetwork));
  },
  start: (machine, dir) => machine.program("runtime", "containerd", "--config", join(dir, "containerd.toml")),
  namesOf: (machine, id) => {
    const file = join("/run/containerd/io.containerd.runtime.v2.task/k8s.io", id, "config.json");
    const { annotations } = Bundle.parse(JSON.parse(readFileSync(machine.path(file), "utf8")));
    if (annotations["io.kubernetes.cri.container-type"] === "sandbox") return null;
    const name = annotations["io.kubernetes.cri.container-name"] ?? "";
    return { name, pod: annotations["io.kubernetes.cri.sandbox-name"] };
  },
};

/** What the engine keeps of a container. */
const Kept = z.object({
  Config: z.object({
    Labels: z.object({ "lares.dev/pod.name": z.string(), "lares.dev/container.name": z.string().optional() }),
  }),
});

export const docker: NodeRuntime = {
  kind: "docker",
  pidFile: "init.pid",
  tasksDir: "/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby",
  configure: (dir, registry) => {
    const config = {
      "live-restore": true,
      "registry-mirrors": [`http://${registry}`],
      "insecure-registries": [registry],
      "log-driver": "json-file",
    };
    writeFileSync(join(dir, "daemon.json"), JSON.stringify(config));
  },
  start: (machine, dir) => {
    // Of a life that had no time to take it away.
    for (const file of readdirSync(machine.path("/run"))) {
      if (file === "docker.pid") writeFileSync(machine.path("/run/docker.pid"), "");
    }
    return machine.program("runtime", "dockerd", "--config-file", join(dir, "daemon.json"));
  },
  namesOf: (machine, id) => {
    const file = join("/var/lib/docker/containers", id, "config.v2.json");
    const { Labels } = Kept.parse(JSON.parse(readFileSync(machine.path(file), "utf8"))).Config;
    const name = Labels["lares.dev/container.name"];
    return name === undefined ? null : { name, pod: Labels["lares.dev/pod.name"] };
  },
};

const podmanContainers = `[engine]
runtime="runc"
exit_command_delay=1
cgroup_manager="cgroupfs"
events_logger="file"
[network]
network_backend="netavark"
`;

function podmanRegistries(registry: string): string {
  return `[[registry]]
prefix="docker.io"
location="docker.io"
[[registry.mirror]]
location="${registry}"
insecure=true
[[registry]]
prefix="${registry}"
location="${registry}"
insecure=true
`;
}

/** What its storage keeps of all containers. */
const Stored = z.array(z.object({ id: z.string(), names: z.array(z.string()).optional() }));

export const podman: NodeRuntime = {
  kind: "docker",
  tasksDir: "/run/containers/storage/overlay-containers",
  pidFile: "userdata/pidfile",
  configure: (dir, registry) => {
    mkdirSync(join(dir, "networks"));
    writeFileSync(join(dir, "containers.conf"), `${podmanContainers}network_config_dir="${join(dir, "networks")}"\n`);
    writeFileSync(join(dir, "registries.conf"), podmanRegistries(registry));
  },
  start: (machine, dir) => {
    mkdirSync(machine.path("/run/podman"), { recursive: true });
    return machine.program(
      "runtime",
      "env",
      ...[`CONTAINERS_CONF=${join(dir, "containers.conf")}`],
      ...[`CONTAINERS_REGISTRIES_CONF=${join(dir, "registries.conf")}`],
      ...["podman", "system", "service", "--time=0", "unix:///run/podman/podman.sock"],
    );
  },
  namesOf: (machine, id) => {
    const file = machine.path("/var/lib/containers/storage/overlay-containers/containers.json");
    const stored = Stored.parse(JSON.parse(readFileSync(file, "utf8"))).find((it) => it.id === id);
    const [, name = "", pod = ""] = stored?.names?.[0]?.split("_") ?? [];
    return name === "" || name === "POD" ? null : { name, pod };
  },
};
