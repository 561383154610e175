// What the code under test finds where it looks for the time, for chance and for the Workers platform.
import type { Cancel, Kernel } from "../engine/kernel.ts";
import type { Random } from "../engine/random.ts";
import { SimBlob, SimRequest, SimResponse } from "./http.ts";
import { IdentityTransformStream } from "./streams.ts";
import { SocketEnd, socketPair, WebSocketRequestResponsePair } from "./web-socket.ts";

/** The world that the code is in at present; there is one at a time in a process. */
export type Surroundings = {
  readonly kernel: Kernel;
  readonly random: Random;
  /** What the code says on the console. */
  readonly log: (level: "error" | "warn" | "info", message: unknown) => void;
  /** Opens a connection as the `ws` package does. */
  readonly connect: (url: URL, options: unknown) => unknown;
  /** Values of constants that a run may choose. */
  readonly knobs: Readonly<Record<string, number>>;
};

let current: Surroundings | null = null;

export function enter(surroundings: Surroundings): void {
  current = surroundings;
}

export function surroundings(): Surroundings {
  if (current === null) throw new Error("there is no simulated world to be in");
  return current;
}

const RealDate = Date;

/** Of the control plane; agents have clocks of their own. */
class SimDate extends RealDate {
  constructor(...given: [] | [number | string | Date]) {
    super(given[0] ?? SimDate.now());
  }

  static override now(): number {
    return Math.floor(surroundings().kernel.nowMs);
  }
}

const timers = new Map<number, Cancel>();
let lastTimer = 0;
let sockets = 0;

function setSimTimeout(run: () => void, delayMs = 0): number {
  const { kernel } = surroundings();
  lastTimer += 1;
  const id = lastTimer;
  const happening = { actor: kernel.current, label: "" };
  const cancel = kernel.schedule(delayMs, happening, () => {
    timers.delete(id);
    run();
  });
  timers.set(id, cancel);
  return id;
}

function setSimInterval(run: () => void, everyMs: number): number {
  const { kernel } = surroundings();
  lastTimer += 1;
  const id = lastTimer;
  const happening = { actor: kernel.current, label: "" };
  const tick = () => {
    timers.set(id, kernel.schedule(everyMs, happening, tick));
    run();
  };
  timers.set(id, kernel.schedule(everyMs, happening, tick));
  return id;
}

function clearSimTimer(id: number | undefined): void {
  if (id === undefined) return;
  timers.get(id)?.();
  timers.delete(id);
}

/** Timers and numbers of a world that is over. */
export function beginAnew(): void {
  timers.clear();
  lastTimer = 0;
  sockets = 0;
}

const simMath: Math = Object.create(Math, { random: { value: () => surroundings().random.next() } });

const simCrypto = {
  randomUUID: () => surroundings().random.uuid(),
  getRandomValues: <T extends Uint8Array>(bytes: T): T => {
    for (let index = 0; index < bytes.length; index += 1) bytes[index] = surroundings().random.byte();
    return bytes;
  },
};

const simConsole = {
  log: (message: unknown) => surroundings().log("info", message),
  info: (message: unknown) => surroundings().log("info", message),
  warn: (message: unknown) => surroundings().log("warn", message),
  error: (message: unknown) => surroundings().log("error", message),
  debug: () => {},
};

/** `new WebSocketPair()` gives an object with the two ends. */
function SimWebSocketPair() {
  const { kernel, random } = surroundings();
  sockets += 1;
  return socketPair({ kernel, random, latencyMs: [0.5, 8] }, `socket ${sockets} of ${kernel.current.kind}`);
}

/** Names that the code under test finds bound to these. */
export const globals: Readonly<Record<string, unknown>> = {
  Date: SimDate,
  setTimeout: setSimTimeout,
  clearTimeout: clearSimTimer,
  setInterval: setSimInterval,
  clearInterval: clearSimTimer,
  setImmediate: (run: () => void) => setSimTimeout(run, 0),
  performance: { now: () => surroundings().kernel.nowMs },
  Math: simMath,
  crypto: simCrypto,
  console: simConsole,
  Request: SimRequest,
  Response: SimResponse,
  Blob: SimBlob,
  IdentityTransformStream,
  WebSocket: SocketEnd,
  WebSocketPair: SimWebSocketPair,
  WebSocketRequestResponsePair,
  fetch: () => Promise.reject(new Error("the simulated world has no network of this kind")),
  knob: (name: string, usual: number) => surroundings().knobs[name] ?? usual,
};
