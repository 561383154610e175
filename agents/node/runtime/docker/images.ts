// Images: pulled with the pods' credentials, and removed again only if this agent has pulled them.
import { parseJson } from "../../connection/protocol.ts";
import { readSecretFile, writeSecretFile } from "../../host/secret-file.ts";
import type { ImageStatus, RegistryCredentials, Result, RuntimeImage, RuntimeImages } from "../runtime.ts";
import { done, fail, ok } from "../runtime.ts";
import { jsonLines } from "./byte-reader.ts";
import type { EngineClient } from "./engine-client.ts";
import { isStatus, problemText } from "./engine-client.ts";
import type { InspectedImage } from "./engine-types.ts";

/** A registry that says nothing for so long is not there any more. */
const silenceMs = 300_000;

export class EngineImages implements RuntimeImages {
  readonly #client: EngineClient;
  /** Names what was pulled: people keep images of their own in the same engine. */
  readonly #recordFile: string;
  readonly #pulled: Set<string>;
  readonly #references = new Map<string, string>();

  constructor(client: EngineClient, recordFile: string) {
    this.#client = client;
    this.#recordFile = recordFile;
    this.#pulled = new Set(readRecord(recordFile));
  }

  async pull(image: string, credentials: readonly RegistryCredentials[]): Promise<Result<string>> {
    const problem = nameProblem(image);
    if (problem !== null)
      return fail("invalid-image-name", `Failed to apply default image tag ${JSON.stringify(image)}: ${problem}`);
    let failure: Result<string> = fail("failed", "no credentials were tried");
    for (const one of credentials.length === 0 ? [undefined] : credentials) {
      const message = await this.#pullWith(image, one);
      const status = message === null ? await this.#inspect(image) : null;
      if (status !== null) {
        this.#record(status.Id);
        return ok(status.Id);
      }
      failure = pullFailure(image, message ?? "it is not there after it was pulled");
    }
    return failure;
  }

  /** The engine's words when it cannot be done; null when it is. */
  async #pullWith(image: string, credentials: RegistryCredentials | undefined): Promise<string | null> {
    try {
      const { name, tag } = nameAndTag(image);
      const answer = await this.#client.stream("POST", "/images/create", {
        query: { fromImage: name, ...(tag === "" ? {} : { tag }) },
        ...(credentials === undefined ? {} : { headers: { "x-registry-auth": registryAuth(credentials) } }),
        timeoutMs: silenceMs,
      });
      // Most failures come after the answer has begun.
      let problem: string | null = null;
      for await (const line of jsonLines<{
        readonly error?: string;
        readonly errorDetail?: { readonly message?: string };
      }>(answer)) {
        problem = line.errorDetail?.message ?? line.error ?? problem;
      }
      return problem;
    } catch (error) {
      return problemText(error);
    }
  }

  async status(image: string): Promise<ImageStatus | null> {
    const found = await this.#inspect(image);
    return found === null ? null : imageStatus(found);
  }

  /** Who its process runs as; empty for root. */
  async userOf(image: string): Promise<string> {
    return (await this.#inspect(image))?.Config?.User ?? "";
  }

  /** What an image's id is called in the registry that it came from. */
  async referenceOf(id: string): Promise<string> {
    const known = this.#references.get(id);
    if (known !== undefined) return known;
    const found = await this.#inspect(id).catch(() => null);
    const reference = found?.RepoDigests?.[0] ?? id;
    if (found !== null) this.#references.set(id, reference);
    return reference;
  }

  async list(): Promise<readonly RuntimeImage[]> {
    const all = await this.#client.get<readonly InspectedImage[]>("/images/json");
    return all
      .filter(({ Id }) => this.#pulled.has(plainId(Id)))
      .map((image) => ({ ...imageStatus(image), repoTags: (image.RepoTags ?? []).filter(isTag) }));
  }

  async remove(image: string): Promise<Result<null>> {
    const found = await this.#inspect(image);
    if (found === null) return done;
    if (!this.#pulled.has(plainId(found.Id))) return fail("failed", `image ${image} was not pulled by this agent`);
    try {
      // One that has several names goes with the last of them.
      const names = [...(found.RepoTags ?? []), ...(found.RepoDigests ?? [])];
      for (const name of names.length === 0 ? [found.Id] : names) await this.#removeName(name);
      if ((await this.#inspect(found.Id)) !== null) await this.#removeName(found.Id);
    } catch (error) {
      return fail("failed", problemText(error));
    }
    this.#references.delete(found.Id);
    this.#pulled.delete(plainId(found.Id));
    this.#save();
    return done;
  }

  async directory(): Promise<string> {
    const { DockerRootDir } = await this.#client.get<{ readonly DockerRootDir: string }>("/info");
    return DockerRootDir;
  }

  /** Brings an image of the agent's own. */
  async load(name: string, archive: Buffer, entrypoint: string): Promise<void> {
    const [repo = name, tag = "latest"] = name.split(":");
    const changes = `ENTRYPOINT ["${entrypoint}"]`;
    const query = { fromSrc: "-", repo, tag, changes, message: "made by lares-agent" };
    const answer = await this.#client.stream("POST", "/images/create", { query, content: archive });
    for await (const { error } of jsonLines<{ readonly error?: string }>(answer)) {
      if (error !== undefined) throw new Error(`cannot import ${name}: ${error}`);
    }
  }

  async #removeName(name: string): Promise<void> {
    try {
      await this.#client.ask("DELETE", `/images/${encodeURIComponent(name)}`);
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
    }
  }

  async #inspect(image: string): Promise<InspectedImage | null> {
    try {
      return await this.#client.get<InspectedImage>(`/images/${encodeURIComponent(image)}/json`);
    } catch (error) {
      if (isStatus(error, 404)) return null;
      throw error;
    }
  }

  #record(id: string): void {
    if (this.#pulled.has(plainId(id))) return;
    this.#pulled.add(plainId(id));
    this.#save();
  }

  /** What cannot be written down is only not removed when room is short. */
  #save(): void {
    try {
      writeSecretFile(this.#recordFile, JSON.stringify([...this.#pulled]));
    } catch {
      // There is no room, say; the next that is pulled or removed has it written again.
    }
  }
}

function readRecord(path: string): readonly string[] {
  const ids = parseJson(readSecretFile(path) ?? "");
  return Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : [];
}

/** Podman counts digests among the tags. */
function isTag(name: string): boolean {
  return !name.includes("@");
}

function plainId(id: string): string {
  return id.replace(/^sha256:/, "");
}

function imageStatus({ Id, RepoDigests, Size, Config }: InspectedImage): ImageStatus {
  const user = (Config?.User ?? "").split(":")[0] ?? "";
  const known = { id: Id, repoDigests: RepoDigests ?? [], sizeBytes: Size };
  if (user === "") return known;
  return /^\d+$/.test(user) ? { ...known, uid: Number(user) } : { ...known, username: user };
}

/** Source: distribution/reference, in short. */
function nameProblem(image: string): string | null {
  if (image === "") return "invalid reference format";
  const { name } = nameAndTag(image);
  const [first = "", ...rest] = name.split("/");
  const path = rest.length > 0 && /[.:]|^localhost$/.test(first) ? rest : [first, ...rest];
  if (path.join("/") !== path.join("/").toLowerCase()) {
    return "couldn't parse image name: invalid reference format: repository name must be lowercase";
  }
  const isRight = path.every((part) => /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/.test(part));
  return isRight ? null : `couldn't parse image name ${JSON.stringify(image)}: invalid reference format`;
}

/** The engine takes a digest for a tag; without either it would pull all tags. */
function nameAndTag(image: string): { readonly name: string; readonly tag: string } {
  const [byDigest = "", digest] = image.split("@");
  const colon = byDigest.lastIndexOf(":");
  const hasTag = colon > byDigest.lastIndexOf("/");
  const name = hasTag ? byDigest.slice(0, colon) : byDigest;
  return { name, tag: digest ?? (hasTag ? byDigest.slice(colon + 1) : "latest") };
}

/** Source: the engine's API, authentication. */
function registryAuth({ username, password, identityToken, registryToken }: RegistryCredentials): string {
  const content = {
    username,
    password,
    ...(identityToken === undefined ? {} : { identitytoken: identityToken }),
    ...(registryToken === undefined ? {} : { registrytoken: registryToken }),
  };
  // The alphabet for URLs, and padded, which Node's own is not.
  return Buffer.from(JSON.stringify(content)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

// No name of an image may look like it, so that there is a space in each.
const away =
  /connection refused|no such host|i\/o timeout|network is unreachable|no route to host|connection timed out|TLS handshake|context deadline exceeded|Client\.Timeout exceeded|server misbehaving|name resolution|connect ECONN|read ECONN|connection reset|(: |unexpected )EOF$| 50[234] |did not answer/i;
const missing = /manifest.* unknown|not found|does not exist|NAME_UNKNOWN|repository name not known/i;

/** Engines may tell the cause alone, such as "connection refused": of which image is said here. */
export function pullFailure(image: string, cause: string): Result<never> {
  const message = cause.includes(nameAndTag(image).name) ? cause : `cannot pull ${image}: ${cause}`;
  if (/invalid reference format|invalid repository name/i.test(cause)) return fail("invalid-image-name", message);
  if (missing.test(cause)) return fail("not-found", message);
  return fail(away.test(cause) ? "registry-unavailable" : "failed", message);
}
