// The driver of Docker and Podman against those that are installed.
import { installedEngines } from "../containers/engines.ts";
import { describeEngine } from "./engine.conformance.ts";

describeEngine("docker", "docker", installedEngines);
describeEngine("podman", "podman", installedEngines);
