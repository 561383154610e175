// Which addresses and address families a Service gets, as far as the Service alone tells.
// Source: pkg/registry/core/service/storage alloc.go and rest.go (normalizeClusterIPs, patchAllocatedValues).
import type { ServiceSpec } from "./service.ts";
import { ipFamily } from "./validation/addresses.ts";

/** Where the addresses of Services come from. */
export const serviceRange = "10.96.0.0/12";
const rangeStart = 0x0a_60_00_00;
const rangeSize = 2 ** 20;
/** The first of the range are for those who ask for one of their own choice. */
const reserved = 257;
/** The address of the API's own Service. */
export const apiServiceAddress = "10.96.0.1";
export const headless = "None";

export function isHeadless({ clusterIPs = [] }: Pick<ServiceSpec, "clusterIPs">): boolean {
  return clusterIPs.length === 1 && clusterIPs[0] === headless;
}

function addressOf(offset: number): string {
  const address = rangeStart + offset;
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

/** Whether the address is one that a Service may have: neither the first nor the last of the range is. */
export function isServiceAddress(address: string): boolean {
  if (ipFamily(address) !== 4) return false;
  const value = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return value > rangeStart && value < rangeStart + rangeSize - 1;
}

/**
 * The address that a Service gets on its first, second (1) ... try. It follows from the uid, which is random, so nobody
 * has to remember which are free: whether one is taken shows when it is written.
 */
export function drawnAddress(uid: string, tries: number): string {
  const digits = uid.replaceAll(/[^0-9a-f]/g, "");
  const start = Number.parseInt(digits.slice(0, 12), 16);
  const step = Number.parseInt(digits.slice(-12), 16);
  const drawn = (Number.isNaN(start) ? 0 : start) + tries * (1 + (Number.isNaN(step) ? 0 : step));
  return addressOf(reserved + (drawn % (rangeSize - reserved - 1)));
}

const singleStack = "SingleStack";

/** A Service's address, kept in two fields of which most writers know only the first, brought in line. */
export function withClusterIPs(spec: ServiceSpec, old: ServiceSpec | null): ServiceSpec {
  const { clusterIP, clusterIPs } = spec;
  if (clusterIP !== undefined && clusterIPs === undefined) return { ...spec, clusterIPs: [clusterIP] };
  const changesFirst = old !== null && clusterIP !== old.clusterIP && sameList(clusterIPs, old.clusterIPs);
  if (!changesFirst) return spec;
  return { ...spec, clusterIPs: clusterIP === undefined ? undefined : [clusterIP, ...(clusterIPs ?? []).slice(1)] };
}

function sameList(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return a.length === b.length && a.every((element, index) => element === b[index]);
}

function needsAddress({ type }: ServiceSpec): boolean {
  return type !== "ExternalName";
}

/** What was given out before stays, where the client does not say otherwise. */
export function withKeptAddresses(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  if (!needsAddress(old)) return spec;
  if (!needsAddress(spec)) return withoutAddresses(spec, old);
  const clusterIP = spec.clusterIP ?? old.clusterIP;
  if (spec.clusterIPs !== undefined || clusterIP !== old.clusterIP) return { ...spec, clusterIP };
  return { ...spec, clusterIP, clusterIPs: old.clusterIPs };
}

/** A Service that becomes a mere name gives its address back, unless the client changed that as well. */
function withoutAddresses(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  const given = spec.clusterIP === undefined && spec.clusterIPs === undefined;
  const same = given || (spec.clusterIP === old.clusterIP && sameList(spec.clusterIPs, old.clusterIPs));
  const sameFamilies = sameList(spec.ipFamilies, old.ipFamilies);
  const samePolicy = spec.ipFamilyPolicy === old.ipFamilyPolicy;
  return {
    ...spec,
    ...(same ? { clusterIP: undefined, clusterIPs: undefined } : {}),
    ...(sameFamilies ? { ipFamilies: undefined } : {}),
    ...(samePolicy ? { ipFamilyPolicy: undefined } : {}),
  };
}

/** The families and their policy where they were left out; there is one family here. */
export function withFamilies(spec: ServiceSpec, old: ServiceSpec | null): ServiceSpec {
  if (!needsAddress(spec)) return spec;
  const choosesNone = spec.clusterIP === headless && spec.selector === undefined;
  const ipFamilyPolicy = spec.ipFamilyPolicy ?? old?.ipFamilyPolicy ?? (choosesNone ? "RequireDualStack" : singleStack);
  const families = familiesOf(spec);
  const isBoth = choosesNone && ipFamilyPolicy !== singleStack && families.length === 1;
  const ipFamilies = isBoth ? [...families, families[0] === "IPv6" ? "IPv4" : "IPv6"] : families;
  return { ...spec, ipFamilyPolicy, ipFamilies };
}

function familiesOf({ ipFamilies, clusterIPs = [] }: ServiceSpec): string[] {
  if (ipFamilies !== undefined) return ipFamilies;
  const found = clusterIPs.flatMap((address) => {
    const family = ipFamily(address);
    return family === null ? [] : [`IPv${family}`];
  });
  return found.length === 0 ? ["IPv4"] : found;
}

/** With an address of its own, if it needs one and has none. */
export function withAddress(spec: ServiceSpec, uid: string, tries: number): ServiceSpec {
  const hasOne = spec.clusterIP !== undefined || spec.clusterIPs !== undefined;
  if (!needsAddress(spec) || hasOne || spec.ipFamilies?.[0] !== "IPv4") return spec;
  const clusterIP = drawnAddress(uid, tries);
  return { ...spec, clusterIP, clusterIPs: [clusterIP] };
}

/** The same Service with the address of another try; null: its address was asked for, and there is no other. */
export function withNextAddress(spec: ServiceSpec, uid: string, tries: number): ServiceSpec | null {
  if (spec.clusterIP !== drawnAddress(uid, tries - 1)) return null;
  const clusterIP = drawnAddress(uid, tries);
  return { ...spec, clusterIP, clusterIPs: [clusterIP] };
}
