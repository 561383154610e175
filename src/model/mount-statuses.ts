// Which mounts each container came to have, in the statuses of its pod. What a node mounts is what the pod says, so that
// it is made up when a pod is read and never kept.
// Source: kubelet_pods.go convertToAPIContainerStatuses (RecursiveReadOnlyMounts, on by default since 1.31).
import type { Container } from "./container.ts";
import type { ContainerStatus } from "./container-status.ts";
import type { Pod } from "./pod.ts";

type MountStatuses = NonNullable<ContainerStatus["volumeMounts"]>;

/** Made once for each container of a template, and shared by its pods. */
const known = new WeakMap<Container, MountStatuses>();

function mountStatuses(container: Container): MountStatuses {
  const before = known.get(container);
  if (before !== undefined) return before;
  const statuses = (container.volumeMounts ?? []).map(({ name, mountPath, readOnly }) =>
    // Nodes refuse to start what wants the mounts below to be read-only too.
    readOnly === true ? { name, mountPath, readOnly, recursiveReadOnly: "Disabled" } : { name, mountPath },
  );
  known.set(container, statuses);
  return statuses;
}

/** The pod with the mounts of all containers that have a status. */
export function withMountStatuses(pod: Pod): Pod {
  const { spec, status } = pod;
  const containerStatuses = mounted(status.containerStatuses, spec.containers);
  const initContainerStatuses = mounted(status.initContainerStatuses, spec.initContainers);
  const isSame =
    containerStatuses === status.containerStatuses && initContainerStatuses === status.initContainerStatuses;
  if (isSame) return pod;
  return {
    ...pod,
    status: {
      ...status,
      ...(initContainerStatuses === undefined ? {} : { initContainerStatuses }),
      ...(containerStatuses === undefined ? {} : { containerStatuses }),
    },
  };
}

type Statuses = Pod["status"]["containerStatuses"];

function mounted(statuses: Statuses, containers: readonly Container[] = []): Statuses {
  if (statuses === undefined || !containers.some(({ volumeMounts = [] }) => volumeMounts.length > 0)) return statuses;
  return statuses.map((status) => {
    const container = containers.find(({ name }) => name === status.name);
    const volumeMounts = container === undefined ? [] : mountStatuses(container);
    return volumeMounts.length === 0 ? status : { ...status, volumeMounts };
  });
}

/** What is to be kept of a status: all but what `withMountStatuses` makes up. */
export function withoutMountStatuses(status: Pod["status"]): Pod["status"] {
  const { containerStatuses, initContainerStatuses } = status;
  const bare = (statuses: Statuses) => statuses?.map(({ volumeMounts: _mounts, ...rest }) => rest);
  return {
    ...status,
    ...(initContainerStatuses === undefined ? {} : { initContainerStatuses: bare(initContainerStatuses) }),
    ...(containerStatuses === undefined ? {} : { containerStatuses: bare(containerStatuses) }),
  };
}
