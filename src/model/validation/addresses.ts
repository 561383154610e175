// Which texts are IP addresses and networks.
// Source: apimachinery pkg/util/validation/ip.go (1.32), k8s.io/utils/net ParseIPSloppy.
import type { FieldError } from "../field-error.ts";
import { invalid } from "../field-error.ts";

const decimalByte = /^\d{1,3}$/;
const hexGroup = /^[0-9a-fA-F]{1,4}$/;

/** 4 or 6 for an IP address, null for anything else. Leading zeros are let pass, as upstream's API does. */
export function ipFamily(value: string): 4 | 6 | null {
  if (value.includes(":")) return isIPv6(value) ? 6 : null;
  return isIPv4(value) ? 4 : null;
}

function isIPv4(value: string): boolean {
  const parts = value.split(".");
  return parts.length === 4 && parts.every((part) => decimalByte.test(part) && Number(part) <= 255);
}

function isIPv6(value: string): boolean {
  const halves = value.split("::");
  if (halves.length > 2) return false;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1)?.at(-1) ?? "";
  const embedded = last.includes(".");
  if (embedded && !isIPv4(last)) return false;
  const plain = groups.flat().slice(0, embedded ? -1 : undefined);
  if (!plain.every((group) => hexGroup.test(group))) return false;
  const count = plain.length + (embedded ? 2 : 0);
  return halves.length === 2 ? count < 8 : count === 8;
}

/** The family of a network such as 10.1.0.0/16, or null. */
export function cidrFamily(value: string): 4 | 6 | null {
  const [address = "", size = "", ...rest] = value.split("/");
  const family = ipFamily(address);
  if (family === null || rest.length > 0 || !decimalByte.test(size)) return null;
  return Number(size) <= (family === 4 ? 32 : 128) ? family : null;
}

export function ipErrors(field: string, value: string): readonly FieldError[] {
  if (ipFamily(value) !== null) return [];
  return [invalid(field, value, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")];
}

export function cidrErrors(field: string, value: string): readonly FieldError[] {
  if (cidrFamily(value) !== null) return [];
  return [invalid(field, value, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")];
}

const kindsOfSpecial: readonly (readonly [RegExp, string])[] = [
  [/^(0\.0\.0\.0|::|0(:0)*:?:?0?)$/, "may not be unspecified (0.0.0.0 or ::)"],
  [/^(127\.|::1$)/, "may not be in the loopback range (127.0.0.0/8, ::1/128)"],
  [/^(169\.254\.|fe[89ab][0-9a-f]:)/i, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"],
  [/^(224\.0\.0\.|ff02:)/i, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"],
];

/** What is wrong with an address that should lead to a pod: it means the host itself, or nobody in particular. */
export function specialAddressErrors(field: string, value: string): readonly FieldError[] {
  return kindsOfSpecial.flatMap(([pattern, why]) => (pattern.test(value) ? [invalid(field, value, why)] : []));
}
