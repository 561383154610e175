// Calls by gRPC over a unix socket: the few lines of the protocol that a client of one service needs.
// Source: grpc.io, gRPC over HTTP2.
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";

import type { Encoding, Message, Of } from "./protobuf.ts";
import { decode, encode } from "./protobuf.ts";

export const grpcCodes = {
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  unimplemented: 12,
  unavailable: 14,
} as const;

export class GrpcError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export type Method<Request extends Message, Response extends Message> = {
  readonly path: string;
  readonly request: Request;
  readonly response: Response;
};

export type CallOptions = { readonly timeoutMs: number; readonly metadata?: Readonly<Record<string, string>> };

type OpenOptions = {
  readonly timeoutMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly told: (message: Buffer) => void;
  /** Null: it ended well. */
  readonly ended: (problem: GrpcError | null) => void;
};

/** What the server takes to notice that time is up goes beyond it; then the client gives up by itself. */
const lateMs = 2000;
const headBytes = 5;
/** Longer than any answer of a sane server; stops one that is not from filling the memory. */
const longestMessageBytes = 64 * 1024 * 1024;

export class GrpcClient {
  readonly #socketPath: string;
  #session: ClientHttp2Session | undefined;
  #isClosed = false;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Throws a GrpcError; `unavailable` when nobody listens, or whoever did is gone. */
  async call<Request extends Message, Response extends Message>(
    method: Method<Request, Response>,
    request: Encoding<Request>,
    { timeoutMs, metadata }: CallOptions,
  ): Promise<Of<Response>> {
    const answer = await new Promise<Buffer>((resolve, reject) => {
      let message: Buffer | undefined;
      this.#open(method.path, encode(method.request, request), {
        timeoutMs,
        ...(metadata === undefined ? {} : { metadata }),
        told: (bytes) => {
          message = bytes;
        },
        ended: (problem) => {
          if (problem !== null) reject(problem);
          else if (message === undefined) reject(new GrpcError(grpcCodes.unknown, "the answer has no message"));
          else resolve(message);
        },
      });
    });
    // Encoding and Of speak of the same table.
    return decode(method.response, answer) as Of<Response>;
  }

  /** Messages of a server that goes on telling. The answer ends it; `ended` is not called then. */
  listen<Request extends Message, Response extends Message>(
    method: Method<Request, Response>,
    request: Encoding<Request>,
    listener: { readonly told: (message: Of<Response>) => void; readonly ended: (problem: GrpcError | null) => void },
  ): () => void {
    return this.#open(method.path, encode(method.request, request), {
      told: (bytes) => listener.told(decode(method.response, bytes) as Of<Response>),
      ended: listener.ended,
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#session?.destroy();
    this.#session = undefined;
  }

  #open(path: string, request: Buffer, options: OpenOptions): () => void {
    let stream: ClientHttp2Stream | undefined;
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const end = (problem: GrpcError | null) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      stream?.close();
      options.ended(problem);
    };
    const { timeoutMs } = options;
    if (timeoutMs !== undefined) {
      const late = () => end(new GrpcError(grpcCodes.deadlineExceeded, `no answer within ${timeoutMs / 1000}s`));
      timer = setTimeout(late, timeoutMs + lateMs);
    }
    try {
      stream = this.#connected().request({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
        ...(timeoutMs === undefined ? {} : { "grpc-timeout": `${Math.ceil(timeoutMs)}m` }),
        ...options.metadata,
      });
      const told = (message: Buffer) => {
        if (!isOver) options.told(message);
      };
      this.#read(stream, told, end);
      stream.end(frame(request));
    } catch (error) {
      // Not before the caller has what this function answers.
      const problem = new GrpcError(grpcCodes.unavailable, textOf(error));
      queueMicrotask(() => end(problem));
    }
    return () => {
      isOver = true;
      clearTimeout(timer);
      stream?.close();
    };
  }

  #read(stream: ClientHttp2Stream, told: (message: Buffer) => void, end: (problem: GrpcError | null) => void): void {
    let status: GrpcError | null | undefined;
    let pending: Buffer[] = [];
    let pendingBytes = 0;
    const learn = (headers: IncomingHttpHeaders) => {
      const learnt = statusOf(headers);
      if (learnt !== undefined) status = learnt;
    };
    stream.on("response", (headers) => {
      const { ":status": code } = headers;
      if (code !== 200) status = new GrpcError(grpcCodes.unavailable, `the answer has HTTP status ${code}`);
      learn(headers);
    });
    stream.on("trailers", learn);
    stream.on("data", (chunk: Buffer) => {
      pending.push(chunk);
      pendingBytes += chunk.length;
      const first = pending[0] ?? chunk;
      // Only what can hold a whole message is put together.
      if (first.length >= headBytes && pendingBytes < headBytes + first.readUInt32BE(1)) {
        if (pendingBytes > longestMessageBytes) end(new GrpcError(grpcCodes.unknown, "the answer is too long"));
        return;
      }
      try {
        const rest = takeMessages(Buffer.concat(pending), told);
        pending = rest.length === 0 ? [] : [rest];
        pendingBytes = rest.length;
      } catch (error) {
        end(new GrpcError(grpcCodes.unknown, textOf(error)));
      }
    });
    stream.on("error", (error) => end(new GrpcError(grpcCodes.unavailable, textOf(error))));
    stream.on("close", () => {
      end(status === undefined ? new GrpcError(grpcCodes.unavailable, "the connection was lost") : status);
    });
  }

  /** A session that was lost is opened anew with the next call. */
  #connected(): ClientHttp2Session {
    if (this.#isClosed) throw new Error("the client was closed");
    const existing = this.#session;
    if (existing !== undefined && !existing.closed && !existing.destroyed) return existing;
    const session = connectHttp2("http://localhost", { createConnection: () => connect(this.#socketPath) });
    const drop = () => {
      if (this.#session === session) this.#session = undefined;
    };
    session.on("error", drop);
    session.on("close", drop);
    session.on("goaway", drop);
    this.#session = session;
    return session;
  }
}

/** Undefined: the headers say nothing of how it ended; null: well. */
function statusOf(headers: IncomingHttpHeaders): GrpcError | null | undefined {
  const code = headers["grpc-status"];
  if (code === undefined) return undefined;
  if (Number(code) === 0) return null;
  return new GrpcError(Number(code), percentDecoded(String(headers["grpc-message"] ?? "")));
}

/** What is no valid encoding stays as it is. */
export function percentDecoded(text: string): string {
  const bytes = text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, "latin1").toString("utf8");
}

function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Hands out whole messages; returns what is left. */
function takeMessages(bytes: Buffer, told: (message: Buffer) => void): Buffer {
  let rest = bytes;
  while (rest.length >= headBytes) {
    if (rest[0] !== 0) throw new Error("the answer is compressed, which was not asked for");
    const end = headBytes + rest.readUInt32BE(1);
    if (rest.length < end) break;
    told(rest.subarray(headBytes, end));
    rest = rest.subarray(end);
  }
  return rest;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
