// The rules of EndpointSlices.
// Source: pkg/apis/discovery/validation.
import type { Endpoint, EndpointSlice, SlicePort } from "../endpoint-slice.ts";
import { duplicate, invalid, invalidForEach, notSupported, required, tooMany } from "../field-error.ts";
import { ipErrors, ipFamily, specialAddressErrors } from "./addresses.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors, repetitions } from "./each.ts";
import { protocols, validateAppProtocol } from "./endpoints.ts";
import { validateImmutable, validateLabels, validateMetadata, validateMetadataUpdate } from "./metadata.ts";
import { dns1123Label, dns1123Subdomain } from "./names.ts";

const addressTypes = ["FQDN", "IPv4", "IPv6"];
const mostEndpoints = 1_000;
const mostAddresses = 100;
const mostPorts = 20_000;
const mostTopologyLabels = 16;
const mostZones = 8;

export function validateEndpointSlice({ metadata, addressType, endpoints, ports }: EndpointSlice): Errors {
  return [
    ...validateMetadata(metadata, { namespaced: true, name: dns1123Subdomain }),
    ...validateAddressType(addressType),
    ...validateCount(endpoints, mostEndpoints, "endpoints"),
    ...eachOf(endpoints ?? [], "endpoints", (endpoint, path) => validateEndpoint(endpoint, addressType, path)),
    ...validatePorts(ports ?? []),
  ];
}

export function validateEndpointSliceUpdate(slice: EndpointSlice, old: EndpointSlice): Errors {
  return [
    ...validateMetadataUpdate(slice.metadata, old.metadata),
    ...validateImmutable(slice.addressType, old.addressType, "addressType"),
  ];
}

function validateAddressType(type: string): Errors {
  if (type === "") return [required("addressType")];
  return addressTypes.includes(type) ? noErrors : [notSupported("addressType", type, addressTypes)];
}

function validateCount(elements: readonly unknown[] | null, most: number, path: string): Errors {
  const count = elements?.length ?? 0;
  return count > most ? [tooMany(path, count, most)] : noErrors;
}

function validateEndpoint(endpoint: Endpoint, addressType: string, path: string): Errors {
  const { addresses, hostname, nodeName, deprecatedTopology = {}, hints } = endpoint;
  return [
    ...((addresses ?? []).length === 0
      ? [required(`${path}.addresses`, "must contain at least 1 address")]
      : validateCount(addresses, mostAddresses, `${path}.addresses`)),
    ...eachOf(addresses ?? [], `${path}.addresses`, (address, addressPath) =>
      validateAddress(address, addressType, addressPath),
    ),
    ...(nodeName === undefined ? noErrors : invalidForEach(`${path}.nodeName`, nodeName, dns1123Subdomain(nodeName))),
    ...validateCount(Object.keys(deprecatedTopology), mostTopologyLabels, `${path}.deprecatedTopology`),
    ...validateLabels(deprecatedTopology, `${path}.deprecatedTopology`),
    ...(hostname === undefined ? noErrors : invalidForEach(`${path}.hostname`, hostname, dns1123Label(hostname))),
    ...validateHints(hints?.forZones ?? [], `${path}.hints.forZones`),
  ];
}

function validateAddress(address: string, type: string, path: string): Errors {
  switch (type) {
    case "IPv4":
    case "IPv6": {
      if (ipFamily(address) === null) return ipErrors(path, address);
      const fits = `IPv${ipFamily(address)}` === type;
      return [
        ...(fits ? noErrors : [invalid(path, address, `must be a valid ${type} address`)]),
        ...specialAddressErrors(path, address),
      ];
    }
    case "FQDN": {
      const name = address.replace(/\.$/, "");
      const problems = dns1123Subdomain(name);
      if (problems.length > 0 || name.includes(".")) return invalidForEach(path, address, problems);
      return [invalid(path, address, "should be a domain with at least two segments separated by dots")];
    }
    default:
      return noErrors;
  }
}

function validateHints(zones: readonly { readonly name: string }[], path: string): Errors {
  const isRepeated = repetitions();
  return [
    ...validateCount(zones, mostZones, path),
    ...eachOf(zones, path, ({ name }, zonePath) => [
      ...(isRepeated(name) ? [duplicate(`${zonePath}.name`, name)] : noErrors),
      ...invalidForEach(`${zonePath}.name`, name, dns1123Label(name)),
    ]),
  ];
}

function validatePorts(ports: readonly SlicePort[]): Errors {
  const isRepeated = repetitions();
  return [
    ...validateCount(ports, mostPorts, "ports"),
    ...eachOf(ports, "ports", ({ name, protocol, appProtocol }, path) => [
      ...(isRepeated(name) ? [duplicate(`${path}.name`, name)] : noErrors),
      ...(name === "" ? noErrors : invalidForEach(`${path}.name`, name, dns1123Label(name))),
      ...(protocols.includes(protocol) ? noErrors : [notSupported(`${path}.protocol`, protocol, protocols)]),
      ...validateAppProtocol(appProtocol, `${path}.appProtocol`),
    ]),
  ];
}
