// Every row of the PodSpec, with a newer containerd than the one that is installed.
import { newerEngines } from "../../containers/engines.ts";
import { startContainerd } from "./on-containerd.ts";
import { describePodSpec } from "./table.ts";

describePodSpec("containerd", () => startContainerd(newerEngines()), "a newer containerd");
