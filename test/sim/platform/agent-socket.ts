// A socket as the ws package gives one to an agent, over a line of the simulated world.
import type { Actor } from "../engine/actor.ts";
import type { Frame, SocketEnd } from "./web-socket.ts";

type Listener = (...parameters: never[]) => void;

const broken = { code: 1006, reason: "" } as const;

export class AgentSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 3;
  readyState: number = AgentSocket.CONNECTING;
  readonly #actor: Actor;
  readonly #heard: (text: string) => void;
  readonly #listeners = new Map<string, Listener[]>();
  #end: SocketEnd | null = null;

  /** `heard` is shown each message before the agent is. */
  constructor(actor: Actor, heard: (text: string) => void) {
    this.#actor = actor;
    this.#heard = heard;
  }

  get end(): SocketEnd | null {
    return this.#end;
  }

  on(event: string, listener: Listener): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  once(event: string, listener: Listener): void {
    this.on(event, listener);
  }

  #emit(event: string, ...parameters: unknown[]): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      // Each event has its own parameters, which its listeners know.
      listener(...(parameters as never[]));
    }
  }

  opened(end: SocketEnd): void {
    if (this.readyState !== AgentSocket.CONNECTING) {
      end.vanish();
      return;
    }
    this.#end = end;
    this.readyState = AgentSocket.OPEN;
    end.ownedBy(this.#actor);
    end.receive({ actor: this.#actor, frame: (frame) => this.#take(frame) });
    this.#emit("open");
  }

  #take(frame: Frame): void {
    if (frame.kind === "close") this.#closed(frame);
    else {
      this.#heard(frame.data);
      this.#emit("message", { toString: () => frame.data });
    }
  }

  #closed({ code, reason }: { readonly code: number; readonly reason: string }): void {
    if (this.readyState === AgentSocket.CLOSED) return;
    this.readyState = AgentSocket.CLOSED;
    this.#emit("close", code, { toString: () => reason });
  }

  /** It came to nothing. */
  failed(message: string): void {
    if (this.readyState !== AgentSocket.CONNECTING) return;
    this.#emit("error", new Error(message));
    this.#closed(broken);
  }

  /** The answer was no socket. */
  answered(status: number): void {
    if (this.readyState !== AgentSocket.CONNECTING) return;
    this.readyState = AgentSocket.CLOSED;
    this.#emit("unexpected-response", {}, { statusCode: status, destroy: () => {} });
  }

  send(data: string): void {
    // The ws package passes over what is sent too late.
    if (this.#end?.readyState === AgentSocket.OPEN) this.#end.send(data);
  }

  close(code?: number): void {
    if (this.#end === null) this.readyState = AgentSocket.CLOSED;
    else this.#end.close(code);
  }

  terminate(): void {
    this.#end?.vanish();
    this.#closed(broken);
  }
}
