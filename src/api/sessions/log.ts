// pods/log: the agent sends the log over a socket, and the answer's body is what it sends.
// Source: pkg/registry/core/pod/rest/log.go, strategy.go (LogLocation).
import { ApiError } from "../../model/api-error.ts";
import type { SessionRefusal } from "../../sync/messages.ts";
import type { RequestContext } from "../context.ts";
import { methodNotAllowed } from "../context.ts";
import { logWish } from "./log-options.ts";
import { openSession } from "./open-session.ts";
import { containerOf, sessionPod } from "./session-pod.ts";

export async function readLog(context: RequestContext): Promise<Response> {
  const { request, url, target } = context;
  if (request.method !== "GET") throw methodNotAllowed();
  const wish = logWish(url.searchParams, target.name ?? "");
  const pod = await sessionPod(context, "log");
  const container = containerOf(pod, url.searchParams.get("container") ?? "");
  const node = pod.spec.nodeName ?? "";
  if (node === "") return new Response(null, { status: 204 });
  const session = await openSession(context, { pod, node, container, wish, isWanted: true });
  if (!session.ok) throw refused(session.refusal);
  const { webSocket } = await session.join(null);
  if (webSocket === null) throw new Error("the agent came, and has gone again");
  return new Response(bodyFrom(webSocket, request.signal), {
    headers: { "content-type": "text/plain", "cache-control": "no-store" },
  });
}

function refused({ code, message }: SessionRefusal): ApiError {
  switch (code) {
    case 400:
      return new ApiError("BadRequest", message);
    case 404:
      return new ApiError("NotFound", message);
    case 500:
      return new ApiError("InternalError", `Internal error occurred: ${message}`);
  }
}

/** Tells the agent how many bytes have gone out: it keeps no more than a window ahead of that. `gone`: the reader has. */
function bodyFrom(socket: WebSocket, gone: AbortSignal): ReadableStream {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  let written: Promise<void> = Promise.resolve();
  let sentBytes = 0;
  const give = () => {
    if (socket.readyState === WebSocket.OPEN) socket.close(1000);
  };
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }) => {
    if (!(data instanceof ArrayBuffer)) return;
    written = written
      .then(() => writer.write(new Uint8Array(data)))
      .then(() => {
        sentBytes += data.byteLength;
        if (socket.readyState === WebSocket.OPEN) socket.send(String(sentBytes));
      });
    // The reader has gone.
    written.catch(give);
  });
  socket.addEventListener("close", ({ code }) => {
    const end = () => (code === 1000 ? writer.close() : writer.abort(new Error("the log broke off")));
    written.then(end).catch(() => {});
  });
  writer.closed.catch(give);
  // The stream tells of it only when there is something to write.
  gone.addEventListener("abort", give);
  socket.accept();
  return readable;
}
