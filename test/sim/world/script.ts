// When people do what, for one seed; and how they put things right in the end.
import { isPicky } from "../check/oracle.ts";
import type { DaemonSetBody, PodState } from "../check/state.ts";
import { Random } from "../engine/random.ts";
import { deedsOnOthers, holdFinalizer } from "./deeds-on-others.ts";
import { deedsOnSets } from "./deeds-on-sets.ts";
import { imageOf, isHealthy } from "./images.ts";
import { changeSettings } from "./settings.ts";
import type { Deed } from "./swarm.ts";
import { settingsDice } from "./swarm.ts";
import type { Users } from "./users.ts";
import { mergePatch, podPath, setPath } from "./users.ts";

/** Fields of a container that asks its node for nothing. */
const modest: ReadonlySet<string> = new Set([
  "name",
  "image",
  "imagePullPolicy",
  "terminationMessagePath",
  "terminationMessagePolicy",
]);

export class Script {
  readonly #users: Users;
  readonly #failed: (error: unknown) => void;
  #isOver = false;
  #underway = 0;

  /** `failed` is told of a user who found something that must not be. */
  constructor(users: Users, failed: (error: unknown) => void) {
    this.#users = users;
    this.#failed = failed;
  }

  begin(): void {
    const { world, random } = this.#users;
    const { deedEveryMs, deeds } = world.swarm;
    const next = () => {
      if (this.#isOver) return;
      const deed = random.pickOf(deeds);
      if (deed !== undefined) this.#do(deed);
      schedule();
    };
    const schedule = () => {
      const waitMs = -deedEveryMs * Math.log(1 - random.next());
      world.kernel.schedule(Math.min(waitMs, 5 * deedEveryMs), { actor: this.#users.alice.actor, label: "" }, next);
    };
    schedule();
    this.#beginSettings();
  }

  /** By dice of their own, so that all else happens as it would without them. */
  #beginSettings(): void {
    const { world, alice } = this.#users;
    if (!world.swarm.isConfigured) return;
    const random = new Random(world.swarm.seed ^ settingsDice);
    const schedule = () => {
      const waitMs = world.swarm.deedEveryMs * random.between(0.2, 1.5);
      world.kernel.schedule(waitMs, { actor: alice.actor, label: "" }, () => {
        if (this.#isOver) return;
        this.#carryOut("change settings", () => changeSettings(this.#users, random));
        schedule();
      });
    };
    schedule();
  }

  end(): void {
    this.#isOver = true;
  }

  /** Somebody has begun something that goes on. */
  get isBusy(): boolean {
    return this.#underway > 0;
  }

  #do(deed: Deed): void {
    this.#carryOut(deed, () => this.#perform(deed));
  }

  #carryOut(deed: string, perform: () => Promise<unknown>): void {
    const { world } = this.#users;
    world.kernel.note(`users: ${deed}`);
    world.faults.coverage.count(`deed ${deed}`);
    this.#underway += 1;
    perform()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#underway -= 1;
      });
  }

  async #perform(deed: Deed): Promise<unknown> {
    if (deed in deedsOnOthers) {
      // Just found there.
      return deedsOnOthers[deed as keyof typeof deedsOnOthers](this.#users);
    }
    const set = this.#users.aSet();
    // Every other deed is one on a set.
    const onSet = deedsOnSets[deed as keyof typeof deedsOnSets];
    return set === undefined ? undefined : onSet(this.#users, set);
  }

  /** Images that do not work are replaced, and whatever was held is let go, so that all can come to rest. */
  async mend(): Promise<void> {
    const { state } = this.#users;
    for (const set of [...state.sets()]) await this.#mendSet(set);
    for (const pod of [...state.pods.values()]) await this.#mendPod(pod);
  }

  async #mendPod(pod: PodState): Promise<void> {
    const path = podPath(pod);
    if (pod.finalizers.includes(holdFinalizer)) {
      const body = { metadata: { finalizers: null } };
      await this.#users.insist({ method: "PATCH", path, body, contentType: mergePatch });
    }
    // An adopted one may count as being of the current template, and OnDelete replaces none by itself.
    // What asks for more than there may be, or for a node that nobody may give it, makes room for what does not.
    if (!isHealthy(pod.image) || pod.isDemanding || pod.node === "")
      await this.#users.insist({ method: "DELETE", path });
  }

  async #mendSet(set: DaemonSetBody): Promise<void> {
    const image = set.spec.template.spec.containers[0]?.image ?? "";
    if (set.metadata.deletionTimestamp !== undefined) return;
    const { containers: before, affinity } = set.spec.template.spec;
    const isModest = Object.keys(before[0] ?? {}).every((key) => modest.has(key));
    if (isHealthy(image) && isModest && !isPicky(affinity)) return;
    const containers = [{ name: "main", image: isHealthy(image) ? image : imageOf("good", 1_000) }];
    const withAnybody = isPicky(affinity) ? { affinity: { podAffinity: null, podAntiAffinity: null } } : {};
    const body = { spec: { template: { spec: { containers, ...withAnybody } } } };
    await this.#users.insist({ method: "PATCH", path: setPath(set), body, contentType: mergePatch });
  }
}
