// The rules of NetworkPolicies.
// Source: pkg/apis/networking/validation ValidateNetworkPolicy.
import { forbidden, invalid, invalidForEach, notSupported, required } from "../field-error.ts";
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from "../network-policy.ts";
import { cidrErrors } from "./addresses.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors } from "./each.ts";
import { protocols } from "./endpoints.ts";
import { validateLabelSelector, validateMetadata } from "./metadata.ts";
import { dns1123Subdomain, portName, portNumber } from "./names.ts";

const policyTypes = ["Egress", "Ingress"];

export function validateNetworkPolicy({ metadata, spec }: NetworkPolicy): Errors {
  const { policyTypes: types = [] } = spec;
  return [
    ...validateMetadata(metadata, { namespaced: true, name: dns1123Subdomain }),
    ...validateLabelSelector(spec.podSelector, "spec.podSelector"),
    ...eachOf(spec.ingress, "spec.ingress", ({ ports, from }, path) => [
      ...eachOf(ports, `${path}.ports`, validatePort),
      ...eachOf(from, `${path}.from`, validatePeer),
    ]),
    ...eachOf(spec.egress, "spec.egress", ({ ports, to }, path) => [
      ...eachOf(ports, `${path}.ports`, validatePort),
      ...eachOf(to, `${path}.to`, validatePeer),
    ]),
    ...(types.length > 2
      ? [invalid("spec.policyTypes", types, "may not specify more than two policyTypes")]
      : eachOf(types, "spec.policyTypes", (type, path) =>
          policyTypes.includes(type) ? noErrors : [notSupported(path, type, policyTypes)],
        )),
  ];
}

function validatePort({ protocol, port, endPort }: NetworkPolicyPort, path: string): Errors {
  return [
    ...(protocols.includes(protocol) ? noErrors : [notSupported(`${path}.protocol`, protocol, protocols)]),
    ...(port === undefined
      ? noErrors
      : invalidForEach(`${path}.port`, port, typeof port === "number" ? portNumber(port) : portName(port))),
    ...validateEndPort(port, endPort, `${path}.endPort`),
  ];
}

function validateEndPort(port: number | string | undefined, endPort: number | undefined, path: string): Errors {
  if (endPort === undefined) return noErrors;
  if (port === undefined)
    return [required(path.replace(/endPort$/, "port"), "must be specified when `endPort` is specified")];
  if (typeof port === "string") return [forbidden(path, "may not be specified when `port` is non-numeric")];
  return [
    ...(endPort < port ? [invalid(path, endPort, "must be greater than or equal to `port`")] : noErrors),
    ...invalidForEach(path, endPort, portNumber(endPort)),
  ];
}

function validatePeer({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer, path: string): Errors {
  const hasPods = podSelector !== undefined || namespaceSelector !== undefined;
  return [
    ...validateLabelSelector(podSelector, `${path}.podSelector`),
    ...validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`),
    ...(ipBlock === undefined ? noErrors : validateBlock(ipBlock, `${path}.ipBlock`)),
    ...(!hasPods && ipBlock === undefined ? [required(path, "must specify a peer")] : noErrors),
    ...(hasPods && ipBlock !== undefined
      ? [forbidden(path, "may not specify both ipBlock and another peer")]
      : noErrors),
  ];
}

function validateBlock({ cidr, except }: NonNullable<NetworkPolicyPeer["ipBlock"]>, path: string): Errors {
  if (cidr === "") return [required(`${path}.cidr`)];
  return [
    ...cidrErrors(`${path}.cidr`, cidr),
    ...eachOf(except, `${path}.except`, (inner, innerPath) => cidrErrors(innerPath, inner)),
  ];
}
