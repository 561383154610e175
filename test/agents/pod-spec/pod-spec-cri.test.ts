// Every row of the PodSpec, with containerd.
import { installedEngines } from "../../containers/engines.ts";
import { startContainerd } from "./on-containerd.ts";
import { describePodSpec } from "./table.ts";

describePodSpec("containerd", () => startContainerd(installedEngines));
