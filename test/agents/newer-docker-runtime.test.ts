// The driver of Docker and Podman against a newer Docker than the one that is installed.
import { newerEngines } from "../containers/engines.ts";
import { describeEngine } from "./engine.conformance.ts";

describeEngine("newer docker", "docker", newerEngines());
