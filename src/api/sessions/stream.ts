// exec, attach and portforward: a WebSocket from the person to the pod's agent.
// Source: pkg/registry/core/pod/rest/subresources.go; kubelet pkg/server.
import { ApiError } from "../../model/api-error.ts";
import type { RequestContext } from "../context.ts";
import { methodNotAllowed } from "../context.ts";
import { openSession } from "./open-session.ts";
import { containerOf, sessionPod } from "./session-pod.ts";
import type { StreamKind } from "./stream-options.ts";
import { protocolFor, streamWish } from "./stream-options.ts";

const firstRelease: Readonly<Record<StreamKind, string>> = { exec: "1.30", attach: "1.30", portforward: "1.31" };

export async function openStream(context: RequestContext, kind: StreamKind): Promise<Response> {
  const { request, url } = context;
  if (request.method !== "GET" && request.method !== "POST") throw methodNotAllowed();
  const pod = await sessionPod(context, kind);
  const container = kind === "portforward" ? "" : containerOf(pod, url.searchParams.get("container") ?? "");
  const node = pod.spec.nodeName ?? "";
  if (node === "") throw new ApiError("BadRequest", `pod ${pod.metadata.name} does not have a host assigned`);
  const upgrade = (request.headers.get("upgrade") ?? "").toLowerCase();
  if (upgrade === "") throw new ApiError("BadRequest", "Upgrade request required");
  const isSocket = upgrade === "websocket";
  const protocol = protocolFor(kind, request.headers.get("sec-websocket-protocol"));
  if (isSocket && protocol === null) {
    throw new ApiError("BadRequest", "none of the WebSocket protocols that the client offers is spoken here");
  }
  const wish = streamWish(kind, url.searchParams, protocol);
  // A client whose WebSocket was refused asks again by SPDY, and shows the answer to that: it has to be the same.
  const session = await openSession(context, { pod, node, container, wish, isWanted: isSocket });
  if (!session.ok) return new Response(session.refusal.message, { status: session.refusal.code });
  if (!isSocket) {
    const since = `kubectl speaks them from ${firstRelease[kind]} on`;
    throw new ApiError("BadRequest", `${kind} is served over WebSockets only, and not over ${upgrade}; ${since}`);
  }
  return session.join(protocol);
}
