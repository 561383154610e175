// What the code of the control plane is given as its `env`: the database, and the namespaces of its Durable Objects.
import type { Actor } from "../engine/actor.ts";
import type { Crossings } from "../engine/crossing.ts";
import type { Effect } from "../engine/faults.ts";
import type { D1Store } from "./d1.ts";
import { D1Database } from "./d1.ts";
import type { DurableObjectHost } from "./durable-object.ts";
import type { RequestOptions } from "./http.ts";
import { SimRequest, SimResponse } from "./http.ts";

const namespaces = {
  DAEMON_SETS: "DaemonSetController",
  NODE_SHARDS: "NodeShard",
  WATCH_HUB: "WatchHub",
  CONTROLLER_MANAGER: "ControllerManager",
  SCHEDULER: "Scheduler",
  SELECTOR_CONTROLLER: "SelectorController",
} as const;

export type ObjectKind = (typeof namespaces)[keyof typeof namespaces];

export type Platform = {
  readonly crossings: Crossings;
  readonly store: D1Store;
  readonly variables: Readonly<Record<string, string>>;
  weather(caller: Actor): { readonly latencyMs: readonly [number, number]; readonly isDown: boolean };
  object(kind: ObjectKind, name: string): DurableObjectHost;
};

const latencyMs = [0.3, 3] as const;
const callEffects: readonly Effect[] = ["crash-before", "before", "crash-after", "lost", "delay"];
/** Runs twice at worst, which must be harmless. */
const pokeEffects: readonly Effect[] = [...callEffects, "duplicate"];
const wakeUps: ReadonlySet<string> = new Set(["poke", "sweep", "tick"]);

export function envFor(platform: Platform, caller: Actor): Readonly<Record<string, unknown>> {
  const { crossings, store, variables } = platform;
  const db = new D1Database({ crossings, store, caller, weather: () => platform.weather(caller) });
  const entries = Object.entries(namespaces).map(([binding, kind]) => [binding, namespace(platform, kind, caller)]);
  return { ...variables, DB: db, ...Object.fromEntries(entries) };
}

type ObjectId = { readonly name: string; toString(): string };

function namespace(platform: Platform, kind: ObjectKind, caller: Actor) {
  return {
    idFromName: (name: string): ObjectId => ({ name, toString: () => name }),
    get: ({ name }: ObjectId) => stub({ platform, kind, name, caller }),
  };
}

type StubOptions = {
  readonly platform: Platform;
  readonly kind: ObjectKind;
  readonly name: string;
  readonly caller: Actor;
};

/** Every property is a method of the object, but for those that would make a promise of the stub. */
function stub(options: StubOptions): object {
  return new Proxy(
    {},
    {
      get: (_target, method) => {
        if (typeof method !== "string" || method === "then") return undefined;
        return method === "fetch" ? fetchOf(options) : methodOf(options, method);
      },
    },
  );
}

function methodOf({ platform, kind, name, caller }: StubOptions, method: string) {
  return (...parameters: unknown[]): Promise<unknown> => {
    const sent = structuredClone(parameters);
    return platform.crossings.call<unknown>({
      port: `rpc ${kind}.${method}`,
      caller,
      allows: wakeUps.has(method) ? pokeEffects : callEffects,
      latencyMs,
      lost: () => new Error("Network connection lost."),
      perform: (settle) =>
        platform.object(kind, name).invoke(method, structuredClone(sent), (outcome) => {
          settle(outcome.ok ? { ok: true, value: structuredClone(outcome.value) } : outcome);
        }),
    });
  };
}

function fetchOf({ platform, kind, name, caller }: StubOptions) {
  return (input: string, init: RequestOptions): Promise<unknown> =>
    platform.crossings.call<unknown>({
      port: `rpc ${kind}.fetch`,
      caller,
      allows: callEffects,
      latencyMs,
      lost: () => new Error("Network connection lost."),
      perform: (settle) =>
        platform.object(kind, name).invoke("fetch", [new SimRequest(input, init)], (outcome) => {
          if (outcome.ok) ownSocket(outcome.value, caller);
          settle(outcome);
        }),
    });
}

/** The client's end of a socket in the answer goes to who asked for it, and dies with it. */
function ownSocket(response: unknown, caller: Actor): void {
  if (!(response instanceof SimResponse) || response.webSocket === null) return;
  const end = response.webSocket;
  end.ownedBy(caller);
  caller.onDeath(() => end.vanish());
  if (!caller.isAlive) end.vanish();
}
