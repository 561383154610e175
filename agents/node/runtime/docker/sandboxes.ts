// Pod sandboxes: a small container holds the namespaces that the containers of a pod share.
import type { Clock } from "../../ports.ts";
import type { PodSandbox, PodSandboxConfig, Result } from "../runtime.ts";
import { done, fail, ok } from "../runtime.ts";
import { listedSandbox } from "./container-state.ts";
import type { CreateContext } from "./create-bodies.ts";
import { sandboxBody, sandboxName } from "./create-bodies.ts";
import type { EngineClient } from "./engine-client.ts";
import { isStatus, problemText } from "./engine-client.ts";
import { engineLabels } from "./engine-labels.ts";
import type { InspectedContainer, ListedContainer } from "./engine-types.ts";
import { addressOf, timeOf } from "./engine-types.ts";
import type { EngineImages } from "./images.ts";
import { ownPauseImage, pauseArchive } from "./pause-image.ts";

export type SandboxesOptions = {
  readonly client: EngineClient;
  readonly clock: Clock;
  readonly images: EngineImages;
  readonly context: CreateContext;
  /** Pulled if need be; absent: the agent brings its own. */
  readonly image?: string;
};

/** What holds as long as a sandbox runs. */
export type SandboxFacts = { readonly isReady: boolean; readonly ip?: string; readonly pid: number };

const gone: SandboxFacts = { isReady: false, pid: 0 };
const fallbackImage = "registry.k8s.io/pause:3.10";

export class Sandboxes {
  readonly #options: SandboxesOptions;
  readonly #facts = new Map<string, SandboxFacts>();

  constructor(options: SandboxesOptions) {
    this.#options = options;
  }

  async run(config: PodSandboxConfig): Promise<Result<string>> {
    const { client, context } = this.#options;
    const image = await this.#image();
    if (!image.ok) return image;
    let id: string | undefined;
    try {
      const content = sandboxBody(config, image.value, context);
      const created = await client.post<{ readonly Id: string }>("/containers/create", {
        query: { name: sandboxName(config) },
        content,
      });
      id = created.Id;
      await client.post(`/containers/${id}/start`);
      return ok(id);
    } catch (error) {
      if (id === undefined && isStatus(error, 409)) await this.#clear(sandboxName(config));
      // Whatever is half made would be taken for a sandbox that has stopped.
      if (id !== undefined) await client.ask("DELETE", `/containers/${id}?force=1&v=1`).catch(() => {});
      return fail("failed", problemText(error));
    }
  }

  /** What an agent that died in the middle has left under the name is taken away, for the next try. */
  async #clear(name: string): Promise<void> {
    const { client, context } = this.#options;
    const found = await client.get<InspectedContainer>(`/containers/${name}/json`).catch(() => null);
    if (found === null || found.Config.Labels?.[engineLabels.agent] !== context.owner) return;
    if (found.State.Status === "created")
      await client.ask("DELETE", `/containers/${found.Id}?force=1&v=1`).catch(() => {});
  }

  /** The image that sandboxes are made of, which is there then. */
  async #image(): Promise<Result<string>> {
    const { images, image } = this.#options;
    if (image !== undefined) return this.#pulled(image);
    try {
      if ((await images.status(ownPauseImage)) !== null) return ok(ownPauseImage);
      const archive = pauseArchive();
      if (archive === null) return this.#pulled(fallbackImage);
      await images.load(ownPauseImage, archive, "/pause");
      return ok(ownPauseImage);
    } catch (error) {
      return fail("failed", problemText(error));
    }
  }

  async #pulled(image: string): Promise<Result<string>> {
    const { images } = this.#options;
    if ((await images.status(image).catch(() => null)) !== null) return ok(image);
    const pulled = await images.pull(image, []);
    return pulled.ok ? ok(image) : fail(pulled.reason, `cannot pull the sandbox image ${image}: ${pulled.message}`);
  }

  /** As the engine lists it. */
  async read(listed: ListedContainer): Promise<PodSandbox> {
    const facts = listed.State === "running" ? await this.facts(listed.Id) : gone;
    return listedSandbox(listed, facts);
  }

  /** Asked once; events say when they have changed. */
  async facts(id: string): Promise<SandboxFacts> {
    const known = this.#facts.get(id);
    if (known !== undefined) return known;
    try {
      const container = await this.#options.client.get<InspectedContainer>(`/containers/${id}/json`);
      const facts = factsOf(container);
      if (facts.isReady) this.#facts.set(id, facts);
      return facts;
    } catch (error) {
      if (isStatus(error, 404)) return gone;
      throw error;
    }
  }

  changed(id: string): void {
    this.#facts.delete(id);
  }

  forgetAll(): void {
    this.#facts.clear();
  }

  async stop(id: string): Promise<Result<null>> {
    const { client } = this.#options;
    this.changed(id);
    try {
      await client.post(`/containers/${id}/stop`, { query: { t: "1" } });
    } catch (error) {
      if (!isStatus(error, 404)) return fail("failed", problemText(error));
    }
    return done;
  }
}

/**
 * One that was started again by somebody has namespaces that the containers of the pod are not in: it is as good as gone.
 */
function factsOf(container: InspectedContainer): SandboxFacts {
  const { State } = container;
  const isFirstRun = timeOf(State.FinishedAt) === undefined;
  if (!State.Running || !isFirstRun) return gone;
  const ip = addressOf(container);
  return { isReady: true, pid: State.Pid, ...(ip === undefined ? {} : { ip }) };
}
