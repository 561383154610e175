// Every row of the PodSpec, with a newer Docker than the one that is installed.
import { newerEngines } from "../../containers/engines.ts";
import { EngineFixture } from "../support/engine-fixture.ts";
import { describePodSpec } from "./table.ts";

describePodSpec("docker", () => EngineFixture.forAgent("docker", newerEngines()), "a newer docker");
