// The CRI's driver against the containerd that is installed.
import { installedEngines } from "../containers/engines.ts";
import { describeContainerd } from "./cri.conformance.ts";

describeContainerd("containerd", installedEngines);
