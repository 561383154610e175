// Every row of the PodSpec, with a newer Podman than the one that is installed.
import { newerEngines } from "../../containers/engines.ts";
import { EngineFixture } from "../support/engine-fixture.ts";
import { describePodSpec } from "./table.ts";

describePodSpec("podman", () => EngineFixture.forAgent("podman", newerEngines()), "a newer podman");
