// What is in volumes that are made of ConfigMaps, Secrets, tokens and the pod's own fields.
// Source: kubelet pkg/volume/configmap, secret, projected, downwardapi.
import type { DownwardAPIVolumeFile, KeyToPath, Volume, VolumeProjection } from "../../../src/model/volume.ts";
import type { HeldObject, ObjectKind, TokenRequest } from "../assignment/objects.ts";
import type { PodSurroundings } from "../pod/environment.ts";
import { podField, podFieldMap, resourceField } from "../pod/environment.ts";
import { apiAccessVolume, rootCertificates } from "../pod/service-account.ts";

export type VolumeFile = {
  readonly bytes: Buffer;
  readonly mode: number;
  /** Its owner; absent: the agent. */
  readonly uid?: number;
};

export type VolumeContent = {
  readonly files: ReadonlyMap<string, VolumeFile>;
  /** Why it is not all that it is to be. */
  readonly problems: readonly string[];
  /** False: with these problems, a container must not start. */
  readonly isEnough: boolean;
};

/** Throws when there is none to be had. `path`: where in which volume the token goes. */
export type TokenProvider = (
  request: TokenRequest,
  place: { readonly volume: string; readonly path: string },
) => Promise<string>;

const readableByAll = 0o644;
const ownersOnly = 0o600;
const hourSeconds = 3600;

/** Gathers the content of a volume for which `hasContent` holds. */
export async function contentOf(volume: Volume, pod: PodSurroundings, tokens: TokenProvider): Promise<VolumeContent> {
  const gathering = new Gathering(volume, pod, tokens);
  const { configMap, secret, projected, downwardAPI } = volume;
  if (configMap !== undefined) gathering.addObject("ConfigMap", configMap);
  if (secret !== undefined) gathering.addObject("Secret", { ...secret, name: secret.secretName });
  if (downwardAPI !== undefined) gathering.addFields(downwardAPI.items ?? []);
  for (const source of projected?.sources ?? []) await gathering.addSource(source);
  return gathering;
}

type ObjectSource = {
  readonly name?: string | undefined;
  readonly items?: readonly KeyToPath[] | undefined;
  readonly optional?: boolean | undefined;
};

class Gathering implements VolumeContent {
  readonly files = new Map<string, VolumeFile>();
  readonly problems: string[] = [];
  isEnough = true;
  readonly #volume: Volume;
  readonly #pod: PodSurroundings;
  readonly #tokens: TokenProvider;
  readonly #defaultMode: number;

  constructor(volume: Volume, pod: PodSurroundings, tokens: TokenProvider) {
    this.#volume = volume;
    this.#pod = pod;
    this.#tokens = tokens;
    const { configMap, secret, projected, downwardAPI } = volume;
    this.#defaultMode = (configMap ?? secret ?? projected ?? downwardAPI)?.defaultMode ?? readableByAll;
  }

  addObject(kind: ObjectKind, { name = "", items, optional = false }: ObjectSource): void {
    const object = this.#find(kind, name);
    if (object === undefined || object === null) {
      if (!optional || object === undefined) this.#miss(missing(kind, name, object));
      return;
    }
    const values = valuesOf(object);
    if (items === undefined || items.length === 0) {
      for (const [key, bytes] of values) this.#add(key, bytes, undefined);
      return;
    }
    for (const { key, path, mode } of items) {
      const bytes = values.get(key);
      if (bytes !== undefined) this.#add(path, bytes, mode);
      else if (!optional) this.#miss(missingKey(kind, key));
    }
  }

  /** The certificates of the API that pods of this node talk to are the node's own affair. */
  #find(kind: ObjectKind, name: string): HeldObject | null | undefined {
    const { assigned, objects, localApi } = this.#pod;
    const held = objects.get(kind, assigned.namespace, name);
    if (kind !== "ConfigMap" || name !== rootCertificates) return held;
    if (localApi === undefined) return held ?? null;
    const data = { "ca.crt": localApi.ca() };
    return { kind, namespace: assigned.namespace, name, uid: "", version: "", type: "", data, binaryData: {} };
  }

  addFields(items: readonly DownwardAPIVolumeFile[]): void {
    const { definition } = this.#pod;
    for (const { path, fieldRef, resourceFieldRef, mode } of items) {
      if (fieldRef !== undefined) {
        const text = podFieldMap(fieldRef.fieldPath, this.#pod) ?? podField(fieldRef.fieldPath, this.#pod);
        this.#add(path, Buffer.from(text), mode);
      }
      const [first] = definition.containers;
      if (resourceFieldRef !== undefined && first !== undefined) {
        this.#add(path, Buffer.from(resourceField(resourceFieldRef, first.container, this.#pod)), mode);
      }
    }
  }

  async addSource(source: VolumeProjection): Promise<void> {
    if (source.configMap !== undefined) this.addObject("ConfigMap", source.configMap);
    if (source.secret !== undefined) this.addObject("Secret", source.secret);
    if (source.downwardAPI !== undefined) this.addFields(source.downwardAPI.items ?? []);
    if (source.serviceAccountToken !== undefined) await this.#addToken(source.serviceAccountToken);
  }

  async #addToken(source: NonNullable<VolumeProjection["serviceAccountToken"]>): Promise<void> {
    const { audience = "", expirationSeconds = hourSeconds, path } = source;
    const { assigned, definition } = this.#pod;
    try {
      const place = { volume: this.#volume.name, path };
      const token = await this.#tokens({ podUid: assigned.uid, audience, expirationSeconds }, place);
      const uid = commonUser(
        definition.containers.map(({ container }) => container.securityContext?.runAsUser),
        this.#pod,
      );
      const isShared = uid === undefined && definition.spec.securityContext.fsGroup === undefined;
      this.files.set(path, {
        bytes: Buffer.from(token),
        mode: isShared ? this.#defaultMode : ownersOnly,
        ...(uid === undefined ? {} : { uid }),
      });
    } catch (error) {
      const message = `failed to fetch token: ${error instanceof Error ? error.message : String(error)}`;
      // Every pod is given this one whether it wants it or not: a node that is cut off starts it without.
      if (this.#volume.name === apiAccessVolume) this.problems.push(message);
      else this.#miss(message);
    }
  }

  #add(path: string, bytes: Buffer, mode: number | undefined): void {
    const parts = path.split("/");
    if (path === "" || parts.some((part) => part === "" || part === "..") || path.startsWith("..")) {
      this.#miss(`invalid path: ${JSON.stringify(path)} must be within the volume`);
      return;
    }
    this.files.set(path, { bytes, mode: mode ?? this.#defaultMode });
  }

  #miss(message: string): void {
    this.problems.push(message);
    this.isEnough = false;
  }
}

/** Whom all containers run as, if it is one user. Source: kubelet FsUserFrom. */
function commonUser(own: readonly (number | undefined)[], { definition }: PodSurroundings): number | undefined {
  const shared = definition.spec.securityContext.runAsUser;
  const users = new Set(own.map((user) => user ?? shared));
  return users.size === 1 ? [...users][0] : undefined;
}

function valuesOf({ data, binaryData }: HeldObject): ReadonlyMap<string, Buffer> {
  const values = new Map<string, Buffer>();
  for (const [key, text] of Object.entries(data)) values.set(key, Buffer.from(text));
  for (const [key, base64] of Object.entries(binaryData)) values.set(key, Buffer.from(base64, "base64"));
  return values;
}

function missing(kind: ObjectKind, name: string, object: null | undefined): string {
  if (object === null) return `${kind.toLowerCase()} ${JSON.stringify(name)} not found`;
  return `failed to sync ${kind.toLowerCase()} cache: ${JSON.stringify(name)} has not been received yet`;
}

function missingKey(kind: ObjectKind, key: string): string {
  return kind === "ConfigMap"
    ? `configmap references non-existent config key: ${key}`
    : `references non-existent secret key: ${key}`;
}

/** As Kubernetes puts several into one. */
export function problemText(problems: readonly string[]): string {
  return problems.length === 1 ? (problems[0] ?? "") : `[${problems.join(", ")}]`;
}
