// The driver of Docker and Podman against a real one, of whatever release.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe } from "vitest";

import type { EngineKind } from "../../agents/node/runtime/docker/engine-types.ts";
import type { Engines } from "../containers/engines.ts";
import { describeContainers } from "./containers.conformance.ts";
import { describeRuntime } from "./runtime.conformance.ts";
import { commands, EngineFixture } from "./support/engine-fixture.ts";

/** `name` tells which one it is. */
export function describeEngine(name: string, kind: EngineKind, engines: Engines): void {
  describe(`with ${name}`, () => {
    let count = 0;
    let fixture: EngineFixture;
    beforeAll(async () => {
      fixture = await EngineFixture.start(kind, engines);
    }, 60_000);
    afterAll(() => fixture.remove(), 60_000);
    afterEach(() => fixture.clear(), 60_000);

    describeRuntime(kind, async () => ({
      runtime: await fixture.open(),
      logs: join(fixture.directory, "logs"),
      config: (which) => ({ command: commands[which], image: fixture.image }),
      // A shell needs a moment to set its traps.
      tick: () => new Promise((resolve) => setTimeout(resolve, 200)),
      close: async () => {},
    }));

    describeContainers(kind, async () => {
      const directory = join(fixture.directory, `c${count++}`);
      mkdirSync(directory);
      return {
        runtime: await fixture.open({
          directory,
          logsDirectory: join(directory, "log"),
          seccompDirectories: [directory],
        }),
        directory,
        registry: fixture.registry,
        busybox: fixture.image,
        close: async () => {},
      };
    });
  });
}
