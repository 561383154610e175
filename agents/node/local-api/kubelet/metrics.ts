// Prometheus' text format, and what the node tells in it.
// Source: prometheus exposition_formats; kubelet pkg/kubelet/metrics/collectors resource_metrics.go; cAdvisor's prometheus.md.
import { groupBy } from "../../engine/group-by.ts";
import type { ContainerStats } from "../../runtime/runtime.ts";
import type { LivePod } from "../node-state.ts";

type Labels = Readonly<Record<string, string>>;
type Sample = { readonly labels: Labels; readonly value: number };
type Kind = "counter" | "gauge";

function family(name: string, kind: Kind, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(({ labels, value }) => `${name}${labelText(labels)} ${value}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...lines, ""].join("\n");
}

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

export type Observed = {
  readonly node: string;
  readonly pods: readonly LivePod[];
  readonly containers: readonly ContainerStats[];
  readonly usage: { readonly usageCoreNanoSeconds: number; readonly workingSetBytes: number };
  readonly cores: number;
  readonly memoryBytes: number;
  /** Of the agent. */
  readonly own: {
    readonly cpuSeconds: number;
    readonly residentBytes: number;
    readonly startedAtMs: number;
    readonly numbers: Readonly<Record<string, number>>;
  };
};

type Placed = { readonly labels: Labels; readonly stats: ContainerStats; readonly startedAtMs: number };

/** Containers whose pod is known, with its names. */
function placed({ pods, containers }: Observed): readonly Placed[] {
  const known = new Map(pods.map((pod) => [pod.assigned.uid, pod]));
  return containers.flatMap((stats) => {
    const pod = known.get(stats.podUid);
    if (pod === undefined) return [];
    const { namespace, name } = pod.assigned;
    const startedAtMs = Date.parse(startOf(pod, stats.name) ?? "") || 0;
    return [{ labels: { container: stats.name, namespace, pod: name }, stats, startedAtMs }];
  });
}

/** When the container was started that runs by that name. Sidecars are told of beside the others. */
export function startOf({ status }: Pick<LivePod, "status">, name: string): string | undefined {
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return all.find((container) => container.name === name)?.state?.running?.startedAt ?? undefined;
}

const seconds = (nanoSeconds: number) => nanoSeconds / 1e9;

/** /metrics/resource. */
export function resourceMetrics(observed: Observed): string {
  const containers = placed(observed);
  const { usage } = observed;
  const of = (value: (container: Placed) => number) =>
    containers.map((container) => ({ labels: container.labels, value: value(container) }));
  const cpu = ({ stats }: Placed) => seconds(stats.usageCoreNanoSeconds);
  const memory = ({ stats }: Placed) => stats.workingSetBytes;
  return [
    family(
      "container_cpu_usage_seconds_total",
      "counter",
      "Cumulative cpu time consumed by the container in core-seconds",
      of(cpu),
    ),
    family("container_memory_working_set_bytes", "gauge", "Current working set of the container in bytes", of(memory)),
    family(
      "container_start_time_seconds",
      "gauge",
      "Start time of the container since unix epoch in seconds",
      of(({ startedAtMs }) => startedAtMs / 1000),
    ),
    family("node_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the node in core-seconds", [
      { labels: {}, value: seconds(usage.usageCoreNanoSeconds) },
    ]),
    family("node_memory_working_set_bytes", "gauge", "Current working set of the node in bytes", [
      { labels: {}, value: usage.workingSetBytes },
    ]),
    family(
      "pod_cpu_usage_seconds_total",
      "counter",
      "Cumulative cpu time consumed by the pod in core-seconds",
      sums(containers, cpu),
    ),
    family(
      "pod_memory_working_set_bytes",
      "gauge",
      "Current working set of the pod in bytes",
      sums(containers, memory),
    ),
    family("resource_scrape_error", "gauge", "1 if there was an error while getting container metrics, 0 otherwise", [
      { labels: {}, value: 0 },
    ]),
  ].join("");
}

function sums(containers: readonly Placed[], value: (container: Placed) => number): readonly Sample[] {
  const pods = groupBy(containers, ({ stats }) => stats.podUid);
  return [...pods.values()].map((group) => {
    const { namespace = "", pod = "" } = group[0]?.labels ?? {};
    return { labels: { namespace, pod }, value: group.reduce((sum, container) => sum + value(container), 0) };
  });
}

/** /metrics/cadvisor: of what cAdvisor tells, what is known here. */
export function cadvisorMetrics(observed: Observed): string {
  const { pods, cores, memoryBytes } = observed;
  const images = new Map(
    pods.flatMap(({ assigned, template: { spec } }) =>
      [...(spec.initContainers ?? []), ...spec.containers].map(
        ({ name, image }) => [`${assigned.uid}/${name}`, image ?? ""] as const,
      ),
    ),
  );
  const containers = placed(observed);
  const of = (value: (container: Placed) => number, more: Labels = {}) =>
    containers.map((container) => {
      const { id, name, podUid } = container.stats;
      const image = images.get(`${podUid}/${name}`) ?? "";
      return { labels: { ...container.labels, ...more, id, image, name: id }, value: value(container) };
    });
  const cpu = ({ stats }: Placed) => seconds(stats.usageCoreNanoSeconds);
  return [
    family(
      "container_cpu_usage_seconds_total",
      "counter",
      "Cumulative cpu time consumed in seconds.",
      of(cpu, { cpu: "total" }),
    ),
    family(
      "container_memory_working_set_bytes",
      "gauge",
      "Current working set in bytes.",
      of(({ stats }) => stats.workingSetBytes),
    ),
    family(
      "container_start_time_seconds",
      "gauge",
      "Start time of the container since unix epoch in seconds.",
      of(({ startedAtMs }) => startedAtMs / 1000),
    ),
    family("machine_cpu_cores", "gauge", "Number of logical CPU cores.", [{ labels: {}, value: cores }]),
    family("machine_memory_bytes", "gauge", "Amount of memory installed on the machine.", [
      { labels: {}, value: memoryBytes },
    ]),
  ].join("");
}

/** /metrics: of the agent itself. */
export function ownMetrics({ node, pods, containers, own }: Observed): string {
  const phases = groupBy(pods, ({ status }) => status?.phase ?? "Pending");
  const gauge = (name: string, help: string, value: number, labels: Labels = {}) =>
    family(name, "gauge", help, [{ labels, value }]);
  return [
    family("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.", [
      { labels: {}, value: own.cpuSeconds },
    ]),
    gauge("process_resident_memory_bytes", "Resident memory size in bytes.", own.residentBytes),
    gauge(
      "process_start_time_seconds",
      "Start time of the process since unix epoch in seconds.",
      own.startedAtMs / 1000,
    ),
    gauge("kubelet_node_name", "The node's name. The count is always 1.", 1, { node }),
    gauge("kubelet_running_pods", "Number of pods that have a running pod sandbox", phases.get("Running")?.length ?? 0),
    gauge("kubelet_running_containers", "Number of containers currently running", containers.length, {
      container_state: "running",
    }),
    family(
      "lares_agent_pods",
      "gauge",
      "Pods of the node by phase.",
      [...phases].map(([phase, group]) => ({ labels: { phase }, value: group.length })),
    ),
    ...Object.entries(own.numbers).map(([name, value]) =>
      gauge(`lares_agent_local_api_${name}`, "Of the API for the node's daemons.", value),
    ),
  ].join("");
}
