// Images of a runtime that others may use as well.
import type { Failure, ImageStatus, RegistryCredentials, Result, RuntimeImage, RuntimeImages } from "../runtime.ts";
import { ok } from "../runtime.ts";
import { attempt, attemptOnWhatMayBeGone, imageFailure, isNotFound } from "./failure.ts";
import type { PodSandboxConfig } from "./messages.ts";
import type { Encoding } from "./protobuf.ts";
import { readImage } from "./read.ts";
import type { CriClient } from "./service.ts";
import { methods } from "./service.ts";

/** Slow lines take hours for what is large; a runtime gives up by itself when nothing comes any more. */
const pullTimeoutMs = 4 * 60 * 60 * 1000;

export class CriImages implements RuntimeImages {
  readonly #client: CriClient;
  readonly #ownLabels: Readonly<Record<string, string>>;

  constructor(client: CriClient, ownLabels: Readonly<Record<string, string>>) {
    this.#client = client;
    this.#ownLabels = ownLabels;
  }

  /** But for those that are not this agent's to remove: that somebody else uses, or that the runtime itself needs. */
  async list(): Promise<readonly RuntimeImage[]> {
    const client = this.#client;
    const [{ images }, { containers }, pause] = await Promise.all([
      client.call(methods.listImages, {}),
      client.call(methods.listContainers, {}),
      this.#sandboxImage(),
    ]);
    const foreign = containers.filter(({ labels }) => !this.#isOwn(labels));
    const used = new Set(foreign.flatMap(({ image, imageRef }) => [image?.image ?? "", imageRef]));
    return images
      .filter(({ id, pinned, repoTags, repoDigests }) => {
        const names = [id, ...repoTags, ...repoDigests];
        return !pinned && !names.some((name) => name === pause || used.has(name));
      })
      .map(readImage);
  }

  remove(image: string): Promise<Result<null>> {
    return attemptOnWhatMayBeGone(() => this.#client.call(methods.removeImage, { image: { image } }));
  }

  async directory(): Promise<string> {
    const { imageFilesystems } = await this.#client.call(methods.imageFsInfo, {});
    return imageFilesystems[0]?.fsId?.mountpoint ?? "/";
  }

  async status(image: string): Promise<ImageStatus | null> {
    try {
      const answer = await this.#client.call(methods.imageStatus, { image: { image } });
      return answer.image === undefined ? null : readImage(answer.image);
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  async pull(
    image: string,
    sandboxConfig: Encoding<typeof PodSandboxConfig>,
    credentials: readonly RegistryCredentials[],
  ): Promise<Result<string>> {
    const options = { timeoutMs: pullTimeoutMs };
    let failure: Failure | undefined;
    for (const auth of credentials.length === 0 ? [undefined] : credentials) {
      const request = { image: { image }, sandboxConfig, auth };
      const pulled = await attempt(() => this.#client.call(methods.pullImage, request, options));
      if (pulled.ok) return ok(pulled.value.imageRef);
      failure = imageFailure(pulled);
      // Neither another name nor a way to the registry comes with other credentials.
      if (failure.reason === "invalid-image-name" || failure.reason === "registry-unavailable") return failure;
    }
    return failure ?? { ok: false, reason: "failed", message: `${image} was not pulled` };
  }

  #isOwn(labels: Readonly<Record<string, string>>): boolean {
    return Object.entries(this.#ownLabels).every(([key, value]) => labels[key] === value);
  }

  /** Older runtimes do not pin it, and tell of it in their configuration alone. */
  async #sandboxImage(): Promise<string | undefined> {
    const { info } = await this.#client.call(methods.status, { verbose: true });
    return sandboxImageIn(info["config"] ?? "");
  }
}

function sandboxImageIn(config: string): string | undefined {
  return /"(?:sandboxImage|sandbox)":\s*"([^"]+)"/.exec(config)?.[1];
}
