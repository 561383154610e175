// What tells a program in a container where the API is. Source: kubelet pkg/kubelet/envvars FromServices.
import { isIPv6 } from "node:net";
import type { Address } from "../ports.ts";
import type { KeyValue } from "../runtime/runtime.ts";

export function apiVariables({ host, port }: Address): readonly KeyValue[] {
  const url = `tcp://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const prefix = `KUBERNETES_PORT_${port}_TCP`;
  const values = {
    KUBERNETES_SERVICE_HOST: host,
    KUBERNETES_SERVICE_PORT: String(port),
    KUBERNETES_SERVICE_PORT_HTTPS: String(port),
    KUBERNETES_PORT: url,
    [prefix]: url,
    [`${prefix}_PROTO`]: "tcp",
    [`${prefix}_PORT`]: String(port),
    [`${prefix}_ADDR`]: host,
  };
  return Object.entries(values).map(([key, value]) => ({ key, value }));
}
