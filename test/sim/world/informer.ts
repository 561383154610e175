// A client that lists and then watches, comes back when the line breaks, and starts over when it is told to.
import type { Session, Told } from "../check/watching.ts";
import type { Actor } from "../engine/actor.ts";
import type { Json } from "./client.ts";
import { ApiClient } from "./client.ts";
import type { Wish } from "./scopes.ts";
import type { World } from "./world.ts";
import { adminToken } from "./world.ts";

type Item = {
  readonly metadata: {
    readonly namespace?: string;
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: { readonly nodeName?: string };
  readonly status?: { readonly phase?: string };
};

export type InformerOptions = { readonly world: World; readonly actor: Actor; readonly wish: Wish };

type List = { readonly rv: number; readonly items: ReadonlyMap<string, number> };

const retryMs = 1_000;

export class Informer {
  readonly wish: Wish;
  readonly lists: List[] = [];
  readonly sessions: Session[] = [];
  /** What it believes to be there. */
  readonly store = new Map<string, number>();
  rv = 0;
  readonly #world: World;
  readonly #actor: Actor;
  readonly #client: ApiClient;

  constructor({ world, actor, wish }: InformerOptions) {
    this.wish = wish;
    this.#world = world;
    this.#actor = actor;
    this.#client = new ApiClient({ ...world, actor, token: adminToken });
  }

  async run(): Promise<never> {
    for (;;) {
      if (await this.#list()) while (await this.#watch()) await this.#pause();
      await this.#pause();
    }
  }

  /** Now and then for so long that what it has is forgotten meanwhile. */
  #pause(): Promise<void> {
    const { kernel, random, faults } = this.#world;
    const isLong = faults.isActive && random.chance(0.4);
    const factor = isLong ? random.between(60, 300) : random.between(0.2, 2);
    return kernel.sleep(retryMs * factor, this.#actor);
  }

  async #list(): Promise<boolean> {
    const { path, query } = this.wish;
    const answer = await this.#client.request({ method: "GET", path: `${path}?${query}` });
    if (answer.outcome !== "answered" || answer.status !== 200) return false;
    // A list of the API.
    const { metadata, items } = answer.body as unknown as {
      readonly metadata: { readonly resourceVersion: string };
      readonly items: readonly Item[];
    };
    this.rv = Number(metadata.resourceVersion);
    this.store.clear();
    for (const item of items) this.store.set(keyOf(item), Number(item.metadata.resourceVersion));
    this.lists.push({ rv: this.rv, items: new Map(this.store) });
    return true;
  }

  /** False: what it has is too old to go on from. */
  async #watch(): Promise<boolean> {
    const { path, query } = this.wish;
    const told: Told[] = [];
    const fromRv = this.rv;
    const session = { fromRv, told, expired: false };
    this.sessions.push(session);
    try {
      const options = `watch=true&allowWatchBookmarks=true&timeoutSeconds=${60 + this.#world.random.int(600)}`;
      const response = await this.#client.open(`${path}?${query}&${options}&resourceVersion=${fromRv}`);
      const reader = response.body?.getReader();
      if (response.status === 200 && reader !== undefined) session.expired = !(await this.#follow(reader, told));
      else session.expired = response.status === 410;
      return !session.expired;
    } catch {
      return true;
    }
  }

  async #follow(
    reader: {
      read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
      cancel(): Promise<void>;
    },
    told: Told[],
  ) {
    const { kernel, random, faults } = this.#world;
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const chunk = await reader.read();
      // Over the network, into a turn of its own; now and then it is busy with other things.
      const isBusy = faults.isActive && random.chance(0.02);
      await kernel.sleep(isBusy ? random.between(1_000, 30_000) : random.between(1, 20), this.#actor);
      if (chunk.done) return true;
      if (faults.isActive && random.chance(0.03)) {
        faults.coverage.count("fault watcher went away");
        await reader.cancel();
        return true;
      }
      text += decoder.decode(chunk.value, { stream: true });
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        if (line.trim() !== "" && !this.#take(JSON.parse(line), told)) return false;
      }
    }
  }

  /** False: this is the end of it. */
  #take(event: Json, told: Told[]): boolean {
    const { type } = event;
    if (type === "ERROR") return false;
    // Every other event has an object.
    const object = event["object"] as Item;
    const rv = Number(object.metadata.resourceVersion);
    this.rv = Math.max(this.rv, rv);
    if (type === "BOOKMARK") {
      told.push({ kind: "BOOKMARK", rv });
      return true;
    }
    // The API knows no other types.
    told.push({
      kind: type as "ADDED" | "MODIFIED" | "DELETED",
      rv,
      uid: object.metadata.uid,
      visible: this.#seen(object),
    });
    if (type === "DELETED") this.store.delete(keyOf(object));
    else this.store.set(keyOf(object), rv);
    return true;
  }

  #seen({ metadata, spec, status }: Item) {
    const { labels = {} } = metadata;
    const isPod = this.wish.resource === "pods";
    return { labels, phase: isPod ? (status?.phase ?? "") : "", node: isPod ? (spec?.nodeName ?? "") : "" };
  }
}

function keyOf({ metadata }: Item): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}
