// Which quality of service class a pod is in.
// Source: pkg/apis/core/v1/helper/qos.
import type { PodSpec } from "../../../src/model/pod-spec.ts";
import { compareQuantities } from "../../../src/model/quantity.ts";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

const counted = ["cpu", "memory"] as const;

type Amounts = Readonly<Record<string, string>> | undefined;

function isSet(amounts: Amounts, resource: string): boolean {
  const amount = amounts?.[resource];
  return amount !== undefined && compareQuantities(amount, "0") > 0;
}

/** Guaranteed needs limits for both resources everywhere, with requests equal to them or absent. */
export function qosClassOf(spec: PodSpec): QosClass {
  const all = [...(spec.initContainers ?? []), ...spec.containers];
  const isBestEffort = all.every(({ resources }) =>
    counted.every((name) => !isSet(resources?.requests, name) && !isSet(resources?.limits, name)),
  );
  if (isBestEffort) return "BestEffort";
  const isGuaranteed = all.every(({ resources }) =>
    counted.every((name) => {
      if (!isSet(resources?.limits, name)) return false;
      const limit = resources?.limits?.[name] ?? "0";
      return compareQuantities(resources?.requests?.[name] ?? limit, limit) === 0;
    }),
  );
  return isGuaranteed ? "Guaranteed" : "Burstable";
}
