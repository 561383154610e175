// What a runtime that speaks the CRI says, in the agent's words.
import type {
  ContainerStats,
  PodSandbox as ListedSandbox,
  RuntimeContainerStatus,
  RuntimeImage,
  WritableLayer,
} from "../runtime.ts";
import type { Container, ContainerStatus, Image, ListContainerStatsResponse, PodSandbox } from "./messages.ts";
import { containerStates, sandboxReady } from "./messages.ts";
import type { Of } from "./protobuf.ts";

const nanosecondsInMs = 1_000_000;

/** A sandbox that was never made has a time before there was any. */
function timeMs(nanoseconds: number): number {
  return Math.max(0, Math.floor(nanoseconds / nanosecondsInMs));
}

export function readSandbox(sandbox: Of<typeof PodSandbox>, ip: string | undefined): ListedSandbox {
  const { id, metadata, state, createdAt, labels, annotations } = sandbox;
  return {
    id,
    metadata: metadata ?? { name: "", uid: "", namespace: "", attempt: 0 },
    state: state === sandboxReady ? "ready" : "notready",
    createdAtMs: timeMs(createdAt),
    labels,
    annotations,
    ...(ip === undefined ? {} : { ip }),
  };
}

export function readContainer(container: Of<typeof Container>): Omit<RuntimeContainerStatus, "exitCode"> {
  const { id, podSandboxId, metadata, image, imageRef, createdAt, labels, annotations } = container;
  return {
    id,
    podSandboxId,
    metadata: metadata ?? { name: "", attempt: 0 },
    image: image?.image ?? "",
    imageRef,
    state: stateOf(container.state),
    createdAtMs: timeMs(createdAt),
    labels,
    annotations,
  };
}

function stateOf(state: number): RuntimeContainerStatus["state"] {
  return containerStates[state] ?? "unknown";
}

export function readStatus(status: Of<typeof ContainerStatus>, podSandboxId: string): RuntimeContainerStatus {
  const { startedAt, finishedAt, exitCode, reason, message } = status;
  const base = readContainer({ ...status, podSandboxId });
  return {
    ...base,
    ...(startedAt > 0 ? { startedAtMs: timeMs(startedAt) } : {}),
    ...(base.state === "exited" ? { exitCode, finishedAtMs: timeMs(finishedAt) } : {}),
    ...(reason === "" ? {} : { reason }),
    ...(message === "" ? {} : { message }),
  };
}

export function readImage({ id, repoTags, repoDigests, size, uid, username }: Of<typeof Image>): RuntimeImage {
  return {
    id,
    repoTags,
    repoDigests,
    sizeBytes: size,
    ...(uid === undefined ? {} : { uid: uid.value }),
    ...(username === "" ? {} : { username }),
  };
}

export function readStats(
  { attributes, cpu, memory }: Of<typeof ListContainerStatsResponse>["stats"][number],
  podUidLabel: string,
): ContainerStats {
  return {
    podUid: attributes?.labels[podUidLabel] ?? "",
    name: attributes?.metadata?.name ?? "",
    id: attributes?.id ?? "",
    usageCoreNanoSeconds: cpu?.usageCoreNanoSeconds?.value ?? 0,
    workingSetBytes: memory?.workingSetBytes?.value ?? 0,
  };
}

/** Undefined where the runtime does not measure it, as of a container that has just started. */
export function readLayer(
  { attributes, writableLayer }: Of<typeof ListContainerStatsResponse>["stats"][number],
  podUidLabel: string,
): WritableLayer | undefined {
  if (writableLayer?.usedBytes === undefined) return undefined;
  return {
    podUid: attributes?.labels[podUidLabel] ?? "",
    name: attributes?.metadata?.name ?? "",
    bytes: writableLayer.usedBytes.value,
    inodes: writableLayer.inodesUsed?.value ?? 0,
  };
}
