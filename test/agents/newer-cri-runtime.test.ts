// The CRI's driver against a newer containerd than the one that is installed.
import { newerEngines } from "../containers/engines.ts";
import { describeContainerd } from "./cri.conformance.ts";

describeContainerd("newer containerd", newerEngines());
