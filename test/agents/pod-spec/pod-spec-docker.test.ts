// Every row of the PodSpec, with Docker.
import { EngineFixture } from "../support/engine-fixture.ts";
import { describePodSpec } from "./table.ts";

describePodSpec("docker", () => EngineFixture.forAgent("docker"));
