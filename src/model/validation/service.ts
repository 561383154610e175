// Which Services are acceptable, in the order in which upstream looks.
// Source: pkg/apis/core/validation ValidateService, ValidateServiceUpdate, ValidateServiceClusterIPsRelatedFields;
// pkg/registry/core/service/storage alloc.go.
import { semanticEqual } from "../equality.ts";
import { duplicate, forbidden, invalid, invalidForEach, notSupported, required } from "../field-error.ts";
import type { LoadBalancerIngress, Service, ServicePort, ServiceSpec } from "../service.ts";
import { headless, isHeadless, isServiceAddress, serviceRange } from "../service-addresses.ts";
import { cidrErrors, ipErrors, ipFamily, specialAddressErrors } from "./addresses.ts";
import type { Errors, Repetitions } from "./each.ts";
import { eachOf, noErrors, repetitions } from "./each.ts";
import { protocols, validateAppProtocol } from "./endpoints.ts";
import { validateLabels, validateMetadata, validateMetadataUpdate } from "./metadata.ts";
import { dns1035Label, dns1123Label, dns1123Subdomain, portName, portNumber, qualifiedName } from "./names.ts";

const types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const families = ["IPv4", "IPv6"];
const familyPolicies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
const trafficPolicies = ["Cluster", "Local"];
const kubeletPort = 10_250;
const daySeconds = 86_400;
const rangesAnnotation = "service.beta.kubernetes.io/load-balancer-source-ranges";
const onlyForLoadBalancers = "may only be used when `type` is 'LoadBalancer'";
const immutableOnceSet = "may not change once set";

export function validateService({ metadata, spec }: Service): Errors {
  return [
    ...validateMetadata(metadata, { namespaced: true, name: dns1035Label }),
    ...validateTopology(metadata.annotations ?? {}),
    ...(spec.ports === undefined && !isHeadless(spec) && spec.type !== "ExternalName"
      ? [required("spec.ports")]
      : noErrors),
    ...validateOfType(spec),
    ...validatePorts(spec.ports),
    ...validateLabels(spec.selector, "spec.selector"),
    ...validateAffinity(spec),
    ...validateAddresses(spec),
    ...eachOf(spec.externalIPs, "spec.externalIPs", (address, path) => {
      const errors = ipErrors(path, address);
      return errors.length > 0 ? errors : specialAddressErrors(path, address);
    }),
    ...validateType(spec),
    ...validateRepeatedPorts(spec.ports),
    ...validateSourceRanges(spec, metadata.annotations?.[rangesAnnotation]),
    ...validateLoadBalancerFields(spec),
    ...validateTrafficPolicies(spec),
  ];
}

function validateTopology(annotations: Readonly<Record<string, string>>): Errors {
  const hints = annotations["service.kubernetes.io/topology-aware-hints"];
  const mode = annotations["service.kubernetes.io/topology-mode"];
  if (hints === undefined || mode === undefined || hints === mode) return noErrors;
  const why = "must match annotations[service.kubernetes.io/topology-aware-hints] when both are specified";
  return [invalid("metadata.annotations[service.kubernetes.io/topology-mode]", mode, why)];
}

function validateOfType(spec: ServiceSpec): Errors {
  const none = (type: string): Errors =>
    isHeadless(spec)
      ? [invalid("spec.clusterIPs[0]", headless, `may not be set to 'None' for ${type} services`)]
      : noErrors;
  switch (spec.type) {
    case "LoadBalancer":
      return [
        ...eachOf(spec.ports, "spec.ports", ({ port }, path) =>
          port === kubeletPort
            ? [invalid(path, port, `may not expose port ${port} externally since it is used by kubelet`)]
            : noErrors,
        ),
        ...none("LoadBalancer"),
      ];
    case "ExternalName":
      return validateExternalName(spec);
    default:
      return noErrors;
  }
}

function validateExternalName(spec: ServiceSpec): Errors {
  const why = "may not be set for ExternalName services";
  const name = (spec.externalName ?? "").replace(/\.$/, "");
  return [
    ...(["clusterIPs", "ipFamilies", "ipFamilyPolicy"] as const)
      .filter((field) => spec[field] !== undefined)
      .map((field) => forbidden(`spec.${field}`, why)),
    ...(name === ""
      ? [required("spec.externalName")]
      : invalidForEach("spec.externalName", name, dns1123Subdomain(name))),
  ];
}

function validatePorts(ports: readonly ServicePort[] = []): Errors {
  const isRepeated = repetitions();
  const needsName = ports.length > 1;
  return eachOf(ports, "spec.ports", (port, path) => [
    ...validatePortName(port.name, { needsName, isRepeated }, `${path}.name`),
    ...invalidForEach(`${path}.port`, port.port, portNumber(port.port)),
    ...(protocols.includes(port.protocol) ? noErrors : [notSupported(`${path}.protocol`, port.protocol, protocols)]),
    ...validateTargetPort(port.targetPort, `${path}.targetPort`),
    ...validateAppProtocol(port.appProtocol, `${path}.appProtocol`),
  ]);
}

type PortNames = { readonly needsName: boolean; readonly isRepeated: Repetitions };

function validatePortName(name: string | undefined, { needsName, isRepeated }: PortNames, path: string): Errors {
  if (name === undefined) return needsName ? [required(path)] : noErrors;
  return [
    ...invalidForEach(path, name, dns1123Label(name)),
    ...(isRepeated(name) ? [duplicate(path, name)] : noErrors),
  ];
}

function validateTargetPort(port: number | string, path: string): Errors {
  return invalidForEach(path, port, typeof port === "number" ? portNumber(port) : portName(port));
}

function validateAffinity({ sessionAffinity, sessionAffinityConfig }: ServiceSpec): Errors {
  const path = "spec.sessionAffinityConfig";
  switch (sessionAffinity) {
    case "None":
      if (sessionAffinityConfig === undefined) return noErrors;
      return [forbidden(path, "must not be set when session affinity is None")];
    case "ClientIP": {
      const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 0;
      if (seconds > 0 && seconds <= daySeconds) return noErrors;
      const why = `must be greater than 0 and less than ${daySeconds}`;
      return [invalid(`${path}.clientIP.timeoutSeconds`, seconds, why)];
    }
    default:
      return [notSupported("spec.sessionAffinity", sessionAffinity, ["ClientIP", "None"])];
  }
}

/** The address, its family and their policy: whether they agree, and whether this cluster has such. */
function validateAddresses(spec: ServiceSpec): Errors {
  if (spec.type === "ExternalName") return noErrors;
  const { clusterIP, clusterIPs = [], ipFamilyPolicy } = spec;
  const isRepeated = repetitions();
  const errors = [
    ...validateFirstAddress(clusterIP, clusterIPs),
    ...eachOf(spec.ipFamilies, "spec.ipFamilies", (family, path) => [
      ...(families.includes(family) ? noErrors : [notSupported(path, family, families)]),
      ...(isRepeated(family) ? [duplicate(path, family)] : noErrors),
    ]),
    ...(ipFamilyPolicy === undefined || familyPolicies.includes(ipFamilyPolicy)
      ? noErrors
      : [notSupported("spec.ipFamilyPolicy", ipFamilyPolicy, familyPolicies)]),
    ...validateClusterIPs(clusterIPs),
    ...(clusterIPs.length > 2 ? [invalid("spec.clusterIPs", clusterIPs, "may only hold up to 2 values")] : noErrors),
  ];
  return errors.length > 0 ? errors : validateFamilies(spec);
}

function validateFirstAddress(clusterIP: string | undefined, clusterIPs: readonly string[]): Errors {
  const path = "spec.clusterIPs";
  if (clusterIP === undefined) {
    if (clusterIPs.length === 0) return noErrors;
    return [invalid(path, clusterIPs, "must be empty when `clusterIP` is not specified")];
  }
  if (clusterIPs.length === 0) return [required(path)];
  return clusterIPs[0] === clusterIP ? noErrors : [invalid(path, clusterIPs, "first value must match `clusterIP`")];
}

function validateClusterIPs(clusterIPs: readonly string[]): Errors {
  return eachOf(clusterIPs, "spec.clusterIPs", (address, path, index) => {
    if (index > 0 || address !== headless) return ipErrors(path, address);
    if (clusterIPs.length === 1) return noErrors;
    return [invalid("spec.clusterIPs", clusterIPs, "'None' must be the first and only value")];
  });
}

/** Of addresses and families that are well-formed: whether they go together here, where there is IPv4 alone. */
function validateFamilies(spec: ServiceSpec): Errors {
  const { clusterIPs = [], ipFamilies = [], ipFamilyPolicy } = spec;
  if (isHeadless(spec) && spec.selector === undefined) return noErrors;
  const addressFamilies = clusterIPs.map((address) => `IPv${ipFamily(address)}`);
  const mismatched = isHeadless(spec)
    ? -1
    : addressFamilies.findIndex((family, index) => ipFamilies[index] !== undefined && ipFamilies[index] !== family);
  if (mismatched >= 0) {
    const why = `expected an ${ipFamilies[mismatched]} value as indicated by \`ipFamilies[${mismatched}]\``;
    return [invalid(`spec.clusterIPs[${mismatched}]`, clusterIPs[mismatched], why)];
  }
  const several = "must be 'RequireDualStack' or 'PreferDualStack' when multiple";
  return [
    ...(new Set(addressFamilies).size < clusterIPs.length
      ? [invalid("spec.clusterIPs", clusterIPs, "may specify no more than one IP for each IP family")]
      : noErrors),
    ...(ipFamilyPolicy === "SingleStack" && ipFamilies.length > 1
      ? [invalid("spec.ipFamilyPolicy", ipFamilyPolicy, `${several} IP families are specified`)]
      : noErrors),
    ...(ipFamilyPolicy === "RequireDualStack"
      ? [invalid("spec.ipFamilyPolicy", ipFamilyPolicy, "this cluster is not configured for dual-stack services")]
      : noErrors),
    ...eachOf(ipFamilies, "spec.ipFamilies", (family, path) =>
      family === "IPv4" ? noErrors : [invalid(path, family, "not configured on this cluster")],
    ),
    ...(isHeadless(spec) ? noErrors : validateInRange(clusterIPs)),
  ];
}

function validateInRange(clusterIPs: readonly string[]): Errors {
  const outside = clusterIPs.find((address) => ipFamily(address) === 4 && !isServiceAddress(address));
  if (outside === undefined) return noErrors;
  const why = `provided IP is not in the valid range. The range of valid IPs is ${serviceRange}`;
  return [invalid("spec.clusterIPs", clusterIPs, `failed to allocate IP ${outside}: ${why}`)];
}

/** The error for an address that another Service has. */
export function takenAddressError(clusterIPs: readonly string[]) {
  const why = `failed to allocate IP ${clusterIPs[0]}: provided IP is already allocated`;
  return invalid("spec.clusterIPs", clusterIPs, why);
}

function validateType({ type, ports }: ServiceSpec): Errors {
  if (!types.includes(type)) return [notSupported("spec.type", type, types)];
  if (type === "NodePort") {
    const instead = "use ClusterIP, or give the containers a hostPort";
    return [invalid("spec.type", type, `no ports are opened on the nodes of this cluster; ${instead}`)];
  }
  if (type !== "ClusterIP") return noErrors;
  return eachOf(ports, "spec.ports", ({ nodePort }, path) =>
    nodePort === undefined ? noErrors : [forbidden(`${path}.nodePort`, "may not be used when `type` is 'ClusterIP'")],
  );
}

function validateRepeatedPorts(ports: readonly ServicePort[] | undefined): Errors {
  const isNodePortRepeated = repetitions();
  const isPortRepeated = repetitions();
  return [
    ...eachOf(ports, "spec.ports", ({ protocol, nodePort }, path) =>
      nodePort !== undefined && isNodePortRepeated(`${protocol}/${nodePort}`)
        ? [duplicate(`${path}.nodePort`, nodePort)]
        : noErrors,
    ),
    ...eachOf(ports, "spec.ports", ({ protocol, port }, path) =>
      isPortRepeated(`${protocol}/${port}`) ? [duplicate(path, portKey(protocol, port))] : noErrors,
    ),
  ];
}

/** Upstream prints its internal form of the port. */
function portKey(protocol: string, port: number) {
  return { Name: "", Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 };
}

function validateSourceRanges({ type, loadBalancerSourceRanges }: ServiceSpec, annotated: string | undefined): Errors {
  const path = "spec.LoadBalancerSourceRanges";
  if (loadBalancerSourceRanges !== undefined) {
    return [
      ...(type === "LoadBalancer" ? noErrors : [forbidden(path, onlyForLoadBalancers)]),
      ...eachOf(loadBalancerSourceRanges, path, (range, rangePath) => cidrErrors(rangePath, range.trim())),
    ];
  }
  if (annotated === undefined) return noErrors;
  const annotation = `metadata.annotations[${rangesAnnotation}]`;
  const ranges = annotated.trim() === "" ? [] : annotated.split(",");
  return [
    ...(type === "LoadBalancer" ? noErrors : [forbidden(annotation, onlyForLoadBalancers)]),
    ...ranges.flatMap((range) => cidrErrors(annotation, range.trim())),
  ];
}

function validateLoadBalancerFields({ type, allocateLoadBalancerNodePorts, loadBalancerClass }: ServiceSpec): Errors {
  if (type === "LoadBalancer") {
    if (loadBalancerClass === undefined) return noErrors;
    return invalidForEach("spec.loadBalancerClass", loadBalancerClass, qualifiedName(loadBalancerClass));
  }
  return [
    ...(allocateLoadBalancerNodePorts === undefined
      ? noErrors
      : [forbidden("spec.allocateLoadBalancerNodePorts", onlyForLoadBalancers)]),
    ...(loadBalancerClass === undefined ? noErrors : [forbidden("spec.loadBalancerClass", onlyForLoadBalancers)]),
  ];
}

function validateTrafficPolicies(spec: ServiceSpec): Errors {
  const { type, externalIPs, externalTrafficPolicy: external, internalTrafficPolicy: internal } = spec;
  const isExternal =
    type === "LoadBalancer" || type === "NodePort" || (type === "ClusterIP" && externalIPs !== undefined);
  const wantsCheck = type === "LoadBalancer" && external === "Local";
  const { healthCheckNodePort: check, trafficDistribution: distribution } = spec;
  const onlyForLocal = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
  return [
    ...(external !== undefined && !isExternal
      ? [invalid("spec.externalTrafficPolicy", external, "may only be set for externally-accessible services")]
      : noErrors),
    ...(isExternal && !trafficPolicies.includes(external ?? "")
      ? [notSupported("spec.externalTrafficPolicy", external, trafficPolicies)]
      : noErrors),
    ...(check !== undefined && !wantsCheck ? [invalid("spec.healthCheckNodePort", check, onlyForLocal)] : noErrors),
    ...(check !== undefined && wantsCheck
      ? invalidForEach("spec.healthCheckNodePort", check, portNumber(check))
      : noErrors),
    ...(internal !== undefined && !trafficPolicies.includes(internal)
      ? [notSupported("spec.internalTrafficPolicy", internal, trafficPolicies)]
      : noErrors),
    ...(distribution !== undefined && distribution !== "PreferClose"
      ? [notSupported("spec.trafficDistribution", distribution, ["PreferClose"])]
      : noErrors),
  ];
}

export function validateServiceUpdate({ metadata, spec }: Service, old: Service): Errors {
  return [
    ...validateMetadataUpdate(metadata, old.metadata),
    ...(spec.type === "ExternalName" || old.spec.type === "ExternalName"
      ? noErrors
      : validateAddressUpdate(spec, old.spec)),
    ...(spec.type === "LoadBalancer" && old.spec.type === "LoadBalancer"
      ? validateBalancerUpdate(spec, old.spec)
      : noErrors),
  ];
}

/** A Service keeps its first address and family; there is no second one here that could come or go. */
function validateAddressUpdate(spec: ServiceSpec, old: ServiceSpec): Errors {
  if (isHeadless(spec) && isHeadless(old)) return noErrors;
  const { clusterIPs = [], ipFamilies = [] } = spec;
  const keepsKind = isHeadless(spec) === isHeadless(old);
  return [
    ...(clusterIPs.length === 0 && (old.clusterIPs ?? []).length > 0
      ? [invalid("spec.clusterIPs[0]", clusterIPs, "primary clusterIP can not be unset")]
      : noErrors),
    ...(clusterIPs[0] === undefined || old.clusterIPs?.[0] === undefined || clusterIPs[0] === old.clusterIPs[0]
      ? noErrors
      : [invalid("spec.clusterIPs[0]", clusterIPs, immutableOnceSet)]),
    ...(!keepsKind ||
    ipFamilies[0] === undefined ||
    old.ipFamilies?.[0] === undefined ||
    ipFamilies[0] === old.ipFamilies[0]
      ? noErrors
      : [invalid("spec.ipFamilies[0]", ipFamilies, immutableOnceSet)]),
  ];
}

function validateBalancerUpdate(spec: ServiceSpec, old: ServiceSpec): Errors {
  const checks = [spec, old].every(({ externalTrafficPolicy }) => externalTrafficPolicy === "Local");
  return [
    ...(semanticEqual(spec.loadBalancerClass, old.loadBalancerClass)
      ? noErrors
      : [invalid("spec.loadBalancerClass", spec.loadBalancerClass, immutableOnceSet)]),
    ...(checks && spec.healthCheckNodePort !== old.healthCheckNodePort
      ? [forbidden("spec.healthCheckNodePort", "field is immutable")]
      : noErrors),
  ];
}

export function validateServiceStatusUpdate({ metadata, spec, status }: Service, old: Service): Errors {
  const path = "status.loadBalancer.ingress";
  const { ingress } = status.loadBalancer;
  return [
    ...validateMetadataUpdate(metadata, old.metadata),
    ...(spec.type !== "LoadBalancer" && ingress !== undefined
      ? [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")]
      : eachOf(ingress, path, validateIngress)),
  ];
}

function validateIngress({ ip, hostname, ipMode }: LoadBalancerIngress, path: string): Errors {
  return [
    ...(ip === undefined ? noErrors : ipErrors(`${path}.ip`, ip)),
    ...validateIpMode(ipMode, { hasAddress: ip !== undefined }, `${path}.ipMode`),
    ...(hostname === undefined ? noErrors : invalidForEach(`${path}.hostname`, hostname, dns1123Subdomain(hostname))),
    ...(hostname !== undefined && ipFamily(hostname) !== null
      ? [invalid(`${path}.hostname`, hostname, "must be a DNS name, not an IP address")]
      : noErrors),
  ];
}

function validateIpMode(
  mode: string | undefined,
  { hasAddress }: { readonly hasAddress: boolean },
  path: string,
): Errors {
  if (mode === undefined) return hasAddress ? [required(path, "must be specified when `ip` is set")] : noErrors;
  if (!hasAddress) return [forbidden(path, "may not be specified when `ip` is not set")];
  return ["Proxy", "VIP"].includes(mode) ? noErrors : [notSupported(path, mode, ["Proxy", "VIP"])];
}
