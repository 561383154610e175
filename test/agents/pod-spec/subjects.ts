// All lines of the table, by what they are about.
import type { PodCase } from "./case.ts";
import { containerCases } from "./containers.ts";
import { contentVolumeCases } from "./content-volumes.ts";
import { environmentCases } from "./environment.ts";
import { furtherCases } from "./further.ts";
import { imageCases } from "./images.ts";
import { lifecycleCases } from "./lifecycle.ts";
import { networkCases } from "./network.ts";
import { probeFieldCases } from "./probe-fields.ts";
import { probeCases } from "./probes.ts";
import { refusalCases } from "./refusals.ts";
import { refusedVolumeCases } from "./refused-volumes.ts";
import { resourceCases } from "./resources.ts";
import { restartCases } from "./restarts.ts";
import { securityCases } from "./security.ts";
import { storageLimitCases } from "./storage-limits.ts";
import { terminationCases } from "./termination.ts";
import { volumeCases } from "./volumes.ts";

export const subjects: Readonly<Record<string, readonly PodCase[]>> = {
  // What is to be seen soon, as it changes with time, stands first.
  images: imageCases,
  containers: containerCases,
  environment: environmentCases,
  resources: resourceCases,
  volumes: volumeCases,
  "volumes of objects": contentVolumeCases,
  security: securityCases,
  network: networkCases,
  lifecycle: lifecycleCases,
  probes: probeCases,
  "fields of probes": probeFieldCases,
  "last words": terminationCases,
  restarts: restartCases,
  "further fields": furtherCases,
  refusals: refusalCases,
  "refused volumes": refusedVolumeCases,
  "limits of storage": storageLimitCases,
};
