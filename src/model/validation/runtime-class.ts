// The rules of RuntimeClasses.
// Source: pkg/apis/node/validation.
import { invalidForEach } from "../field-error.ts";
import type { RuntimeClass } from "../runtime-class.ts";
import type { Errors } from "./each.ts";
import { validateLabels, validateMetadata } from "./metadata.ts";
import { dns1123Label, dns1123Subdomain } from "./names.ts";
import { validateResourceAmount, validateResourceName } from "./resources.ts";
import { validateTolerations } from "./scheduling.ts";

export function validateRuntimeClass({ metadata, handler, overhead, scheduling }: RuntimeClass): Errors {
  return [
    ...validateMetadata(metadata, { namespaced: false, name: dns1123Subdomain }),
    ...invalidForEach("handler", handler, dns1123Label(handler)),
    ...Object.entries(overhead?.podFixed ?? {}).flatMap(([name, amount]) => [
      ...validateResourceName(name, `overhead.podFixed[${name}]`),
      ...validateResourceAmount(name, amount, `overhead.podFixed[${name}]`),
    ]),
    ...validateLabels(scheduling?.nodeSelector, "scheduling.nodeSelector"),
    ...validateTolerations(scheduling?.tolerations, "scheduling.tolerations"),
  ];
}
