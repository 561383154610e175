// The rules of Ingresses.
// Source: pkg/apis/networking/validation ValidateIngress.
import { invalid, invalidForEach, notSupported, required } from "../field-error.ts";
import type { HTTPIngressPath, Ingress, IngressBackend, IngressRule } from "../ingress.ts";
import { ipFamily } from "./addresses.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors } from "./each.ts";
import { validateMetadata } from "./metadata.ts";
import { dns1035Label, dns1123Subdomain, portName, portNumber, wildcardSubdomain } from "./names.ts";

const pathTypes = ["Exact", "ImplementationSpecific", "Prefix"];
const forbiddenSequences = ["//", "/./", "/../", "%2f", "%2F"];
const forbiddenSuffixes = ["/..", "/."];

export function validateIngress({ metadata, spec }: Ingress): Errors {
  const { rules, defaultBackend, tls, ingressClassName: className } = spec;
  return [
    ...validateMetadata(metadata, { namespaced: true, name: dns1123Subdomain }),
    ...(rules === undefined && defaultBackend === undefined
      ? [invalid("spec", rules ?? [], "either `defaultBackend` or `rules` must be specified")]
      : noErrors),
    ...(defaultBackend === undefined ? noErrors : validateBackend(defaultBackend, "spec.defaultBackend")),
    ...eachOf(rules, "spec.rules", validateRule),
    ...eachOf(tls, "spec.tls", ({ hosts, secretName }, path) => [
      ...eachOf(hosts, `${path}.hosts`, (host, hostPath) => validateHost(host, hostPath)),
      ...(secretName === undefined
        ? noErrors
        : invalidForEach(`${path}.secretName`, secretName, dns1123Subdomain(secretName))),
    ]),
    ...(className === undefined
      ? noErrors
      : invalidForEach("spec.ingressClassName", className, dns1123Subdomain(className))),
  ];
}

function validateHost(host: string, path: string): Errors {
  return invalidForEach(path, host, host.includes("*") ? wildcardSubdomain(host) : dns1123Subdomain(host));
}

function validateRule({ host, http }: IngressRule, path: string): Errors {
  const isAddress = host !== undefined && ipFamily(host) !== null;
  return [
    ...(isAddress ? [invalid(`${path}.host`, host, "must be a DNS name, not an IP address")] : noErrors),
    ...(host === undefined ? noErrors : validateHost(host, `${path}.host`)),
    ...(http !== undefined && (http.paths ?? []).length === 0 ? [required(`${path}.http.paths`)] : noErrors),
    ...eachOf(http?.paths ?? [], `${path}.http.paths`, validatePath),
  ];
}

function validatePath({ path: given = "", pathType, backend }: HTTPIngressPath, path: string): Errors {
  return [
    ...(pathType === null ? [required(`${path}.pathType`, "pathType must be specified")] : noErrors),
    ...validatePathText(given, pathType, `${path}.path`),
    ...(pathType === null || pathTypes.includes(pathType)
      ? noErrors
      : [notSupported(`${path}.pathType`, pathType, pathTypes)]),
    ...validateBackend(backend, `${path}.backend`),
  ];
}

function validatePathText(given: string, pathType: string | null, path: string): Errors {
  const isRelative = !given.startsWith("/");
  switch (pathType) {
    case "Exact":
    case "Prefix":
      return [
        ...(isRelative ? [invalid(path, given, "must be an absolute path")] : noErrors),
        ...forbiddenSequences
          .filter((sequence) => given.includes(sequence))
          .map((sequence) => invalid(path, given, `must not contain '${sequence}'`)),
        ...forbiddenSuffixes
          .filter((suffix) => given.endsWith(suffix))
          .map((suffix) => invalid(path, given, `cannot end with '${suffix}'`)),
      ];
    default:
      return given !== "" && isRelative ? [invalid(path, given, "must be an absolute path")] : noErrors;
  }
}

function validateBackend({ service, resource }: IngressBackend, path: string): Errors {
  if (service !== undefined && resource !== undefined) {
    return [invalid(path, "", "cannot set both resource and service backends")];
  }
  if (resource !== undefined) {
    return [
      ...(resource.kind === "" ? [required(`${path}.resource.kind`)] : noErrors),
      ...(resource.name === "" ? [required(`${path}.resource.name`)] : noErrors),
    ];
  }
  if (service === undefined) return [required(path, "resource or service backend is required")];
  return validateServiceBackend(service, `${path}.service`);
}

function validateServiceBackend({ name, port }: NonNullable<IngressBackend["service"]>, path: string): Errors {
  const nameErrors =
    name === "" ? [required(`${path}.name`)] : invalidForEach(`${path}.name`, name, dns1035Label(name));
  if (port.name !== undefined && port.number !== undefined) {
    return [...nameErrors, invalid(path, "", "cannot set both port name & port number")];
  }
  if (port.name !== undefined)
    return [...nameErrors, ...invalidForEach(`${path}.port.name`, port.name, portName(port.name))];
  if (port.number === undefined) return [...nameErrors, required(path, "port name or number is required")];
  return [...nameErrors, ...invalidForEach(`${path}.port.number`, port.number, portNumber(port.number))];
}
