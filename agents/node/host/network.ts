// How probes and hooks reach containers from this host.
// Source of the messages: Go's net and net/http, as the kubelet passes them on.
import type { IncomingHttpHeaders } from "node:http";
import { request as httpRequest } from "node:http";

import { request as httpsRequest } from "node:https";
import { connect, isIPv6 } from "node:net";
import { errorText } from "../connection/http-client.ts";
import type { GrpcHealth, HttpAnswer, HttpGet, Network, NetworkAnswer, TcpConnect } from "../ports.ts";
import { kubeletVersion } from "../version.ts";

const mostRedirects = 10;
const userAgent = `kube-probe/${kubeletVersion.slice(1).split(".").slice(0, 2).join(".")}`;

export const hostNetwork: Network = { httpGet, tcpConnect, grpcHealth };

async function httpGet({ scheme, host, port, path, headers, timeoutMs }: HttpGet): Promise<HttpAnswer> {
  const endAtMs = performance.now() + timeoutMs;
  const authority = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  let url = new URL(path, `${scheme.toLowerCase()}://${authority}/`);
  for (let redirects = 0; redirects <= mostRedirects; redirects++) {
    const answer = await getOnce(url, headers, endAtMs - performance.now());
    if (!answer.ok) return { ok: false, message: `Get "${url}": ${answer.message}` };
    const { statusCode, location } = answer;
    if (statusCode < 300 || statusCode >= 400 || location === undefined)
      return { ok: true, statusCode, leftHost: false };
    const next = new URL(location, url);
    if (next.hostname !== url.hostname) return { ok: true, statusCode, leftHost: true };
    url = next;
  }
  return { ok: false, message: `Get "${url}": stopped after ${mostRedirects} redirects` };
}

type Once =
  | { readonly ok: true; readonly statusCode: number; readonly location: string | undefined }
  | { readonly ok: false; readonly message: string };

const timedOut = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";

function getOnce(url: URL, given: HttpGet["headers"], timeoutMs: number): Promise<Once> {
  return new Promise((resolve) => {
    const headers: Record<string, string> = { "user-agent": userAgent, accept: "*/*", connection: "close" };
    for (const { name, value } of given) headers[name.toLowerCase()] = value;
    // Certificates are not checked: containers make their own.
    const options = { headers, agent: false, rejectUnauthorized: false } as const;
    const request = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, options);
    const timer = setTimeout(() => end({ ok: false, message: timedOut }), Math.max(0, timeoutMs));
    const end = (once: Once) => {
      clearTimeout(timer);
      // The body is of no interest.
      request.destroy();
      resolve(once);
    };
    request.on("error", (error) => end({ ok: false, message: dialText(error) }));
    request.on("response", ({ statusCode = 0, headers: answered }) =>
      end({ ok: true, statusCode, location: answered.location }),
    );
    request.end();
  });
}

function dialText(error: Error): string {
  const refused = /connect (ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH) (.*)/.exec(errorText(error));
  if (refused === null) return errorText(error);
  const texts: Readonly<Record<string, string>> = {
    ECONNREFUSED: "connection refused",
    ETIMEDOUT: "connection timed out",
    EHOSTUNREACH: "no route to host",
    ENETUNREACH: "network is unreachable",
  };
  return `dial tcp ${refused[2]}: connect: ${texts[refused[1] ?? ""]}`;
}

function tcpConnect({ host, port, timeoutMs }: TcpConnect): Promise<NetworkAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (answer: NetworkAnswer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => end({ ok: false, message: `dial tcp ${host}:${port}: i/o timeout` }), timeoutMs);
    socket.on("connect", () => end({ ok: true }));
    socket.on("error", (error) => end({ ok: false, message: dialText(error) }));
  });
}

/** SERVING in grpc.health.v1.HealthCheckResponse. */
const serving = 1;

/** A call of grpc.health.v1.Health/Check. The messages have one field each, which is all the protobuf that is needed. */
async function grpcHealth({ host, port, service, timeoutMs }: GrpcHealth): Promise<NetworkAnswer> {
  // Loaded when it is needed: most nodes never do, and it takes a mebibyte.
  const { connect: connectHttp2 } = await import("node:http2");
  return new Promise((resolve) => {
    const session = connectHttp2(`http://${isIPv6(host) ? `[${host}]` : host}:${port}`);
    const end = (answer: NetworkAnswer) => {
      clearTimeout(timer);
      session.destroy();
      resolve(answer);
    };
    let isConnected = false;
    session.on("connect", () => {
      isConnected = true;
    });
    const timer = setTimeout(() => {
      const what = isConnected ? "health rpc did not complete" : `failed to connect service "${host}:${port}"`;
      end({ ok: false, message: `timeout: ${what} within ${timeoutMs / 1000}s` });
    }, timeoutMs);
    session.on("error", (error) => end({ ok: false, message: dialText(error) }));
    const stream = session.request({
      ":method": "POST",
      ":path": "/grpc.health.v1.Health/Check",
      "content-type": "application/grpc",
      "user-agent": userAgent,
      te: "trailers",
    });
    let trouble: GrpcTrouble = { status: "", message: "" };
    let body = Buffer.alloc(0);
    stream.on("response", (headers) => {
      trouble = troubleIn(headers, trouble);
    });
    stream.on("trailers", (trailers) => {
      trouble = troubleIn(trailers, trouble);
    });
    stream.on("data", (chunk: Buffer) => {
      body = Buffer.concat([body, chunk]);
    });
    stream.on("error", (error) => end({ ok: false, message: dialText(error) }));
    stream.on("end", () => end(grpcAnswer(trouble, body)));
    stream.end(grpcFrame(service));
  });
}

function grpcFrame(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

type GrpcTrouble = { readonly status: string; readonly message: string };

function troubleIn(headers: IncomingHttpHeaders, before: GrpcTrouble): GrpcTrouble {
  const { "grpc-status": status = before.status, "grpc-message": message = before.message } = headers;
  return { status: String(status), message: String(message) };
}

// Source: google.golang.org/grpc codes.
const grpcCodes =
  "OK Canceled Unknown InvalidArgument DeadlineExceeded NotFound AlreadyExists PermissionDenied ResourceExhausted FailedPrecondition Aborted OutOfRange Unimplemented Internal Unavailable DataLoss Unauthenticated".split(
    " ",
  );

// Source: pkg/probe/grpc.
function grpcAnswer({ status, message: reason }: GrpcTrouble, body: Buffer): NetworkAnswer {
  const code = grpcCodes[Number(status)] ?? `Code(${status})`;
  if (code === "Unimplemented") {
    const what = "this server does not implement the grpc health protocol (grpc.health.v1.Health)";
    return { ok: false, message: `error: ${what}: ${reason}` };
  }
  if (code !== "OK") {
    return { ok: false, message: `error: health rpc probe failed: rpc error: code = ${code} desc = ${reason}` };
  }
  const message = body.subarray(5);
  const health = message[0] === 0x08 ? message[1] : 0;
  if (health === serving) return { ok: true };
  const names = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
  return { ok: false, message: `service unhealthy (responded with "${names[health ?? 0] ?? health}")` };
}
