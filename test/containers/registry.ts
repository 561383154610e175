// Where do the tests pull images from? A registry of their own on loopback: Debian's docker-registry, with its own folder.
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bcrypt } from "./bcrypt.ts";
import { freePort } from "./free-port.ts";
import type { Image } from "./image.ts";
import { ownDirectory } from "./own-directory.ts";

export type RegistryCredentials = { readonly username: string; readonly password: string };

export type RegistryOptions = {
  /** Nobody else may pull. Default: everybody may. */
  readonly credentials?: RegistryCredentials;
  /** Where it listens. Default: 127.0.0.1. */
  readonly address?: string;
};

const binary = "docker-registry";
const startWithinMs = 20_000;

/**
 * Speaks plain HTTP: containerd takes that from 127.0.0.1 as it is, dockerd too, Podman needs `insecure = true` for it in
 * its registries.conf.
 */
export class Registry {
  /** `ADDRESS:PORT`, as it stands in the names of images. The same after `stop` and `resume`. */
  readonly host: string;
  readonly #dir: string;
  readonly #credentials: RegistryCredentials | undefined;
  #child: ChildProcess | null = null;

  private constructor(dir: string, host: string, credentials: RegistryCredentials | undefined) {
    this.#dir = dir;
    this.#credentials = credentials;
    this.host = host;
    writeFileSync(join(dir, "config.json"), JSON.stringify(this.#config()));
    if (credentials !== undefined)
      writeFileSync(join(dir, "htpasswd"), `${credentials.username}:${bcrypt(credentials.password)}\n`);
  }

  /** Resolves once it answers. Throws when Debian's docker-registry is not installed. */
  static async start({ credentials, address = "127.0.0.1" }: RegistryOptions = {}): Promise<Registry> {
    const dir = ownDirectory("registry");
    const registry = new Registry(dir, `${address}:${await freePort(address)}`, credentials);
    try {
      await registry.resume();
    } catch (error) {
      await registry.remove();
      throw error;
    }
    return registry;
  }

  /** Keeps the image as `name` (`test/busybox:1.36`); returns what a pod's `image` says to have it. */
  async push(name: string, image: Image): Promise<string> {
    const [repository, tag] = partsOf(name);
    await Promise.all([image.config, ...image.layers].map((blob) => this.#upload(repository, blob)));
    await this.#request("PUT", `/v2/${repository}/manifests/${tag}`, image.manifest);
    return `${this.host}/${name}`;
  }

  /** How the image is named by what is in it, which no later push changes. */
  byDigest(name: string, image: Image): string {
    return `${this.host}/${partsOf(name)[0]}@${image.manifest.digest}`;
  }

  /** Forgets an image; a pull of it fails from now on. */
  async forget(name: string, image: Image): Promise<void> {
    await this.#request("DELETE", `/v2/${partsOf(name)[0]}/manifests/${image.manifest.digest}`);
  }

  /** How often a manifest of this name or digest was given out: pulls, and questions whether there is something new. */
  manifestRequests(name: string): number {
    const [repository, reference] = partsOf(name);
    const asked = new RegExp(`"(GET|HEAD) /v2/${repository}/manifests/${reference} HTTP/[0-9.]+" 200`);
    return readFileSync(join(this.#dir, "log"), "utf8")
      .split("\n")
      .filter((line) => asked.test(line)).length;
  }

  /** Nobody answers there any more, as when it is out of reach. What was pushed is kept. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  /** Answers again after `stop`. */
  async resume(): Promise<void> {
    if (this.#child !== null) return;
    const log = openSync(join(this.#dir, "log"), "a");
    // Not left behind when the tests themselves are ended.
    const command = ["--pdeathsig", "KILL", binary, "serve", join(this.#dir, "config.json")];
    const child = spawn("setpriv", command, { stdio: ["ignore", log, log] });
    this.#child = child;
    // What cannot be started is told by an event and ends nothing by itself.
    const failed = new Promise<never>((_, reject) => child.once("error", reject));
    await Promise.race([failed, this.#answering(child)]);
  }

  /** Ends it and forgets everything. */
  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #config() {
    const path = join(this.#dir, "htpasswd");
    return {
      version: "0.1",
      log: { level: "warn" },
      storage: { filesystem: { rootdirectory: join(this.#dir, "storage") }, delete: { enabled: true } },
      http: { addr: this.host },
      ...(this.#credentials === undefined ? {} : { auth: { htpasswd: { realm: "tests", path } } }),
    };
  }

  async #answering(child: ChildProcess): Promise<void> {
    const deadlineMs = Date.now() + startWithinMs;
    for (;;) {
      const answer = await fetch(`http://${this.host}/v2/`).catch(() => null);
      if (answer !== null) return;
      if (child.exitCode !== null || Date.now() > deadlineMs) {
        throw new Error(`${binary} does not answer:\n${readFileSync(join(this.#dir, "log"), "utf8")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #upload(repository: string, { digest, bytes }: Blob): Promise<void> {
    const kept = await this.#fetch("HEAD", `/v2/${repository}/blobs/${digest}`);
    if (kept.ok) return;
    const opened = await this.#request("POST", `/v2/${repository}/blobs/uploads/`);
    const place = new URL(opened.headers.get("location") ?? "", `http://${this.host}`);
    place.searchParams.set("digest", digest);
    await this.#request("PUT", place.pathname + place.search, { bytes, mediaType: "application/octet-stream" });
  }

  async #request(method: string, path: string, body?: Omit<Blob, "digest">): Promise<Response> {
    const answer = await this.#fetch(method, path, body);
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  #fetch(method: string, path: string, body?: Omit<Blob, "digest">): Promise<Response> {
    const headers = new Headers();
    if (body !== undefined) headers.set("content-type", body.mediaType);
    if (this.#credentials !== undefined) {
      const { username, password } = this.#credentials;
      headers.set("authorization", `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`);
    }
    const content = body === undefined ? {} : { body: new Uint8Array(body.bytes) };
    return fetch(`http://${this.host}${path}`, { method, headers, ...content });
  }
}

type Blob = Image["manifest"];

/** Repository, and tag or digest. */
function partsOf(name: string): readonly [string, string] {
  const [byDigest, digest] = name.split("@");
  if (digest !== undefined) return [byDigest ?? "", digest];
  const colon = name.lastIndexOf(":");
  if (colon < 0) throw new Error(`${name} must say its tag`);
  return [name.slice(0, colon), name.slice(colon + 1)];
}
