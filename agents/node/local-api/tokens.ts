// Whose tokens are shown to the node's API: the digests of those that this node's pods were given. They outlive the
// agent, and a network that is away.
import { createHash } from "node:crypto";
import type { IssuedToken, TokenRequest, TokenSource } from "../assignment/objects.ts";
import { isFields, parseJson } from "../connection/protocol.ts";

type Entry = { readonly podUid: string; readonly expiresAtMs: number };

/** Where the digests are between two lives of the agent. */
export type TokenStore = {
  read(): string | undefined;
  write(text: string): void;
};

/** Of one pod: the token that is in use, the one before that a program may still hold, and one to spare. */
const mostOfPod = 3;

export class TokenBook {
  readonly #store: TokenStore;
  #entries: Map<string, Entry> | undefined;

  constructor(store: TokenStore) {
    this.#store = store;
  }

  /** Only tokens for the API's own audience open it. */
  record({ podUid, audience }: TokenRequest, { token, expiresAtMs }: IssuedToken): void {
    if (audience !== "") return;
    const entries = this.#known();
    const digest = digestOf(token);
    if (entries.get(digest)?.podUid === podUid) return;
    entries.set(digest, { podUid, expiresAtMs });
    const ofPod = [...entries].filter(([, entry]) => entry.podUid === podUid);
    for (const [older] of ofPod.slice(0, -mostOfPod)) entries.delete(older);
    this.#save();
  }

  /** The uid of the pod that was given the token; undefined: none of this node's was. */
  podOf(token: string): string | undefined {
    return this.#known().get(digestOf(token))?.podUid;
  }

  /** Forgets the tokens of pods that are no more. */
  keepOnly(isHere: (podUid: string) => boolean): void {
    const entries = this.#known();
    const gone = [...entries].filter(([, { podUid }]) => !isHere(podUid));
    if (gone.length === 0) return;
    for (const [digest] of gone) entries.delete(digest);
    this.#save();
  }

  #known(): Map<string, Entry> {
    this.#entries ??= new Map(readEntries(this.#store.read()));
    return this.#entries;
  }

  #save(): void {
    this.#store.write(JSON.stringify(Object.fromEntries(this.#known())));
  }
}

function digestOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

function readEntries(text: string | undefined): readonly (readonly [string, Entry])[] {
  const content = parseJson(text ?? "");
  return Object.entries(isFields(content) ? content : {}).flatMap(([digest, entry]) => {
    if (!isFields(entry)) return [];
    const { podUid, expiresAtMs } = entry;
    return typeof podUid === "string" && typeof expiresAtMs === "number"
      ? [[digest, { podUid, expiresAtMs }] as const]
      : [];
  });
}

/** A source whose tokens are all in the book. */
export function recorded(source: TokenSource, book: TokenBook): TokenSource {
  return {
    token: async (request) => {
      const issued = await source.token(request);
      book.record(request, issued);
      return issued;
    },
  };
}
