// The rules of Endpoints.
// Source: pkg/apis/core/validation ValidateEndpoints.
import type { EndpointAddress, EndpointPort, EndpointSubset, Endpoints } from "../endpoints.ts";
import { invalidForEach, notSupported, required } from "../field-error.ts";
import { ipErrors, specialAddressErrors } from "./addresses.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors } from "./each.ts";
import { validateMetadata } from "./metadata.ts";
import { dns1123Label, dns1123Subdomain, portNumber, qualifiedName } from "./names.ts";

export const protocols = ["SCTP", "TCP", "UDP"];

export function validateEndpoints({ metadata, subsets }: Endpoints): Errors {
  return [
    ...validateMetadata(metadata, { namespaced: true, name: dns1123Subdomain }),
    ...eachOf(subsets, "subsets", validateSubset),
  ];
}

function validateSubset({ addresses, notReadyAddresses, ports = [] }: EndpointSubset, path: string): Errors {
  const isEmpty = addresses === undefined && notReadyAddresses === undefined;
  return [
    ...(isEmpty ? [required(path, "must specify `addresses` or `notReadyAddresses`")] : noErrors),
    ...eachOf(addresses, `${path}.addresses`, validateAddress),
    ...eachOf(notReadyAddresses, `${path}.notReadyAddresses`, validateAddress),
    ...eachOf(ports, `${path}.ports`, (port, portPath) =>
      validatePort(port, { needsName: ports.length > 1 }, portPath),
    ),
  ];
}

function validateAddress({ ip, hostname, nodeName }: EndpointAddress, path: string): Errors {
  return [
    ...ipErrors(`${path}.ip`, ip),
    ...(hostname === undefined ? noErrors : invalidForEach(`${path}.hostname`, hostname, dns1123Label(hostname))),
    ...(nodeName === undefined ? noErrors : invalidForEach(`${path}.nodeName`, nodeName, dns1123Subdomain(nodeName))),
    ...specialAddressErrors(`${path}.ip`, ip),
  ];
}

function validatePort(
  { name, port, protocol, appProtocol }: EndpointPort,
  { needsName }: { readonly needsName: boolean },
  path: string,
): Errors {
  return [
    ...(name === undefined && needsName ? [required(`${path}.name`)] : noErrors),
    ...(name === undefined ? noErrors : invalidForEach(`${path}.name`, name, dns1123Label(name))),
    ...invalidForEach(`${path}.port`, port, portNumber(port)),
    ...(protocols.includes(protocol) ? noErrors : [notSupported(`${path}.protocol`, protocol, protocols)]),
    ...validateAppProtocol(appProtocol, `${path}.appProtocol`),
  ];
}

export function validateAppProtocol(protocol: string | undefined, path: string): Errors {
  return protocol === undefined ? noErrors : invalidForEach(path, protocol, qualifiedName(protocol));
}
