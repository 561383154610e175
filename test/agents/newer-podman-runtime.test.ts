// The driver of Docker and Podman against a newer Podman than the one that is installed.
import { newerEngines } from "../containers/engines.ts";
import { describeEngine } from "./engine.conformance.ts";

describeEngine("newer podman", "podman", newerEngines());
