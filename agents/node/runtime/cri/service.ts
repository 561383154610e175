// The calls of the CRI, each with how long it may take.
// Source: k8s.io/cri-api pkg/apis/runtime/v1 api.proto; timeouts as the kubelet's runtimeRequestTimeout.
import type { CallOptions, Method } from "./grpc.ts";
import { GrpcClient } from "./grpc.ts";
import * as messages from "./messages.ts";
import type { Encoding, Message, Of } from "./protobuf.ts";

function method<Request extends Message, Response extends Message>(
  service: "RuntimeService" | "ImageService",
  name: string,
  types: { readonly request: Request; readonly response: Response },
): Method<Request, Response> {
  return { path: `/runtime.v1.${service}/${name}`, ...types };
}

function runtime<Request extends Message, Response extends Message>(
  name: string,
  request: Request,
  response: Response,
) {
  return method("RuntimeService", name, { request, response });
}

function image<Request extends Message, Response extends Message>(name: string, request: Request, response: Response) {
  return method("ImageService", name, { request, response });
}

const { Empty, SandboxId, ContainerId, StreamUrl } = messages;

export const methods = {
  version: runtime("Version", Empty, messages.VersionResponse),
  status: runtime("Status", messages.StatusRequest, messages.StatusResponse),
  runtimeConfig: runtime("RuntimeConfig", Empty, messages.RuntimeConfigResponse),
  runPodSandbox: runtime("RunPodSandbox", messages.RunPodSandboxRequest, SandboxId),
  stopPodSandbox: runtime("StopPodSandbox", SandboxId, Empty),
  removePodSandbox: runtime("RemovePodSandbox", SandboxId, Empty),
  podSandboxStatus: runtime("PodSandboxStatus", SandboxId, messages.PodSandboxStatusResponse),
  listPodSandbox: runtime("ListPodSandbox", messages.ListPodSandboxRequest, messages.ListPodSandboxResponse),
  createContainer: runtime("CreateContainer", messages.CreateContainerRequest, ContainerId),
  startContainer: runtime("StartContainer", ContainerId, Empty),
  stopContainer: runtime("StopContainer", messages.StopContainerRequest, Empty),
  removeContainer: runtime("RemoveContainer", ContainerId, Empty),
  listContainers: runtime("ListContainers", messages.ListContainersRequest, messages.ListContainersResponse),
  containerStatus: runtime("ContainerStatus", ContainerId, messages.ContainerStatusResponse),
  listContainerStats: runtime(
    "ListContainerStats",
    messages.ListContainerStatsRequest,
    messages.ListContainerStatsResponse,
  ),
  execSync: runtime("ExecSync", messages.ExecSyncRequest, messages.ExecSyncResponse),
  exec: runtime("Exec", messages.ExecRequest, StreamUrl),
  attach: runtime("Attach", messages.AttachRequest, StreamUrl),
  portForward: runtime("PortForward", messages.PortForwardRequest, StreamUrl),
  reopenContainerLog: runtime("ReopenContainerLog", ContainerId, Empty),
  containerEvents: runtime("GetContainerEvents", Empty, messages.ContainerEvent),
  imageStatus: image("ImageStatus", messages.ImageRequest, messages.ImageStatusResponse),
  listImages: image("ListImages", Empty, messages.ListImagesResponse),
  pullImage: image("PullImage", messages.PullImageRequest, messages.PullImageResponse),
  removeImage: image("RemoveImage", messages.ImageRequest, Empty),
  imageFsInfo: image("ImageFsInfo", Empty, messages.ImageFsInfoResponse),
} as const;

/** containerd's own events, which it has had for longer than the CRI has had any. */
export const subscribe: Method<typeof messages.SubscribeRequest, typeof messages.Envelope> = {
  path: "/containerd.services.events.v1.Events/Subscribe",
  request: messages.SubscribeRequest,
  response: messages.Envelope,
};

const usualTimeoutMs = 120_000;

export class CriClient extends GrpcClient {
  override call<Request extends Message, Response extends Message>(
    called: Method<Request, Response>,
    request: Encoding<Request>,
    options: Partial<CallOptions> = {},
  ): Promise<Of<Response>> {
    return super.call(called, request, { timeoutMs: usualTimeoutMs, ...options });
  }
}
