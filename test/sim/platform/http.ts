// Requests, responses and blobs, as far as a Worker uses them, without Node's turns of the event loop between.
import type { SimReadable } from "./streams.ts";
import { streamOf } from "./streams.ts";
import type { SocketEnd } from "./web-socket.ts";

type BodyInit = string | Uint8Array | SimReadable | null | undefined;
type HeadersInit = ConstructorParameters<typeof Headers>[0];

class Body {
  readonly headers: Headers;
  readonly #body: BodyInit;

  constructor(body: BodyInit, headers: HeadersInit) {
    this.#body = body;
    this.headers = new Headers(headers);
  }

  get bodyInit(): BodyInit {
    return this.#body;
  }

  get body(): SimReadable | null {
    const body = this.#body;
    if (body === null || body === undefined) return null;
    if (typeof body === "string") return streamOf(new TextEncoder().encode(body));
    return body instanceof Uint8Array ? streamOf(body) : body;
  }

  async text(): Promise<string> {
    const body = this.#body;
    if (typeof body === "string") return body;
    if (body === null || body === undefined) return "";
    if (body instanceof Uint8Array) return new TextDecoder().decode(body);
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of body) text += decoder.decode(chunk, { stream: true });
    return text;
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const { buffer } = new TextEncoder().encode(await this.text());
    return buffer;
  }
}

export type RequestOptions = { readonly method?: string; readonly headers?: HeadersInit; readonly body?: BodyInit };

export class SimRequest extends Body {
  readonly url: string;
  readonly method: string;
  readonly signal = new AbortController().signal;

  constructor(input: string | SimRequest, { method, headers, body }: RequestOptions = {}) {
    const before = typeof input === "string" ? null : input;
    super(body ?? before?.bodyInit, headers ?? before?.headers);
    this.url = typeof input === "string" ? input : input.url;
    this.method = method ?? before?.method ?? "GET";
  }

  clone(): SimRequest {
    return new SimRequest(this);
  }
}

export type ResponseOptions = {
  readonly status?: number;
  readonly headers?: HeadersInit;
  readonly webSocket?: SocketEnd | null;
};

export class SimResponse extends Body {
  readonly status: number;
  readonly webSocket: SocketEnd | null;

  constructor(body?: BodyInit, { status = 200, headers, webSocket = null }: ResponseOptions = {}) {
    super(body, headers);
    this.status = status;
    this.webSocket = webSocket;
    if (typeof body === "string" && !this.headers.has("content-type")) {
      this.headers.set("content-type", "text/plain;charset=UTF-8");
    }
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  static json(value: unknown, { headers, ...options }: ResponseOptions = {}): SimResponse {
    const all = new Headers(headers);
    all.set("content-type", "application/json");
    return new SimResponse(JSON.stringify(value), { ...options, headers: all });
  }

  clone(): SimResponse {
    const { status, headers, webSocket } = this;
    return new SimResponse(this.bodyInit, { status, headers, webSocket });
  }
}

/** Only what is needed to put pieces together. */
export class SimBlob {
  readonly #pieces: readonly Uint8Array[];

  constructor(pieces: readonly Uint8Array[] = []) {
    this.#pieces = pieces;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const size = this.#pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const bytes = new Uint8Array(size);
    let offset = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, offset);
      offset += piece.byteLength;
    }
    return bytes.buffer;
  }
}
