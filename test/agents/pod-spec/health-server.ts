// A server of the node's own that speaks the gRPC health protocol, as libraries have it: grpc.health.v1.Health/Check.
import type { ServerHttp2Stream } from "node:http2";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";

const statuses = { SERVING: 1, NOT_SERVING: 2 } as const;
const codes = { ok: 0, notFound: 5, unimplemented: 12 };

/** Undefined: there is no such service. `silence`: there is no answer. */
type Health = keyof typeof statuses | "silence" | undefined;
type Respond = (service: string, count: number) => Health;

/** Goes with the process: nothing waits for it. */
export class HealthServer {
  readonly questions: { readonly service: string; readonly userAgent: string | undefined }[] = [];
  #respond: Respond;

  constructor(respond: Respond) {
    this.#respond = respond;
  }

  respond(respond: Respond): void {
    this.#respond = respond;
  }

  /** At all addresses of the node, as pods on its network are asked at one of them. */
  async start(): Promise<number> {
    const server = createServer();
    server.on("stream", (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", () => {});
      stream.on("end", () => {
        if (headers[":path"] !== "/grpc.health.v1.Health/Check") return answer(stream, codes.unimplemented);
        const service = serviceIn(Buffer.concat(chunks));
        this.questions.push({ service, userAgent: headers["user-agent"] });
        const of = this.questions.filter((one) => one.service === service).length;
        const health = this.#respond(service, of);
        if (health === "silence") return;
        if (health === undefined) answer(stream, codes.notFound);
        else answer(stream, codes.ok, Buffer.from([0, 0, 0, 0, 2, 0x08, statuses[health]]));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
    server.unref();
    // It listens on TCP.
    return (server.address() as AddressInfo).port;
  }
}

/** Of a HealthCheckRequest, whose only field is the name, behind the five bytes that each message begins with. */
function serviceIn(message: Buffer): string {
  return message.length > 5 ? message.subarray(7).toString("utf8") : "";
}

function answer(stream: ServerHttp2Stream, code: number, message?: Buffer): void {
  const status = {
    "grpc-status": String(code),
    ...(code === codes.notFound ? { "grpc-message": "unknown service" } : {}),
  };
  const head = { ":status": 200, "content-type": "application/grpc" };
  if (message === undefined) {
    stream.respond({ ...head, ...status }, { endStream: true });
    return;
  }
  stream.respond(head, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(status));
  stream.end(message);
}
