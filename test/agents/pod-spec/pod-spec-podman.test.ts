// Every row of the PodSpec, with Podman.
import { EngineFixture } from "../support/engine-fixture.ts";
import { describePodSpec } from "./table.ts";

describePodSpec("podman", () => EngineFixture.forAgent("podman"));
