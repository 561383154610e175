// The formats of texts that schemas can ask for. Others are ignored.
// Source: apiextensions-apiserver pkg/apiserver/validation formats.go; kube-openapi pkg/validation/strfmt.
import { base64Problem } from "../base64.ts";
import { parseTimeMs } from "../instant.ts";
import { canonicalQuantity } from "../quantity.ts";
import { cidrFamily, ipFamily } from "../validation/addresses.ts";

type Test = (text: string) => boolean;

// None of these patterns has two ways through the same text, so none can take long.
const matching =
  (pattern: RegExp): Test =>
  (text) =>
    pattern.test(text);

const dateTime = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:?\d{2})$/;
const goDuration = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h)/;
const longDuration =
  /^\d+\s*(?:ns|nanos?|nanoseconds?|us|µs|micros?|microseconds?|ms|millis?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?|hrs?|d|days?|w|weeks?)$/i;
const uuid = (version: string, variant: string) =>
  new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?${variant}[0-9a-f]{3}-?[0-9a-f]{12}$`, "i");
const hex = "[0-9a-f]";

const tests: ReadonlyMap<string, Test> = new Map<string, Test>([
  ["bsonobjectid", matching(/^[0-9a-fA-F]{24}$/)],
  ["byte", (text) => base64Problem(text) === null],
  ["cidr", (text) => cidrFamily(text) !== null],
  ["creditcard", (text) => isCreditCard(text.replaceAll(/\D+/g, ""))],
  ["date", (text) => /^\d{4}-\d{2}-\d{2}$/.test(text) && isDay(text)],
  ["datetime", (text) => dateTime.test(text) && parseTimeMs(text) !== null && isDay(text.slice(0, 10))],
  ["duration", isDuration],
  ["email", matching(/^[^\s@<>"(),:;[\]\\]+@[^\s@<>"(),:;[\]\\]+$/)],
  ["hexcolor", matching(/^#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/)],
  ["hostname", isHostname],
  ["ipv4", (text) => ipFamily(text) === 4],
  ["ipv6", (text) => ipFamily(text) === 6],
  ["isbn", (text) => isIsbn10(text) || isIsbn13(text)],
  ["isbn10", isIsbn10],
  ["isbn13", isIsbn13],
  [
    "mac",
    matching(/^(?:[0-9a-fA-F]{2}([:-])(?:[0-9a-fA-F]{2}\1){4}[0-9a-fA-F]{2}|(?:[0-9a-fA-F]{4}\.){2}[0-9a-fA-F]{4})$/),
  ],
  ["password", () => true],
  ["quantity", (text) => canonicalQuantity(text) !== null],
  ["rgbcolor", isRgbColor],
  ["ssn", matching(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/)],
  ["uri", isUri],
  ["uuid", matching(uuid(hex, hex))],
  ["uuid3", matching(uuid("3", hex))],
  ["uuid4", matching(uuid("4", "[89ab]"))],
  ["uuid5", matching(uuid("5", "[89ab]"))],
]);

/** The format by the name under which it is looked up; undefined: it is ignored for values of this type. */
function normal(format: string, type: string | undefined): string | undefined {
  const name = format.replaceAll("-", "");
  if (type === undefined || type === "string") return tests.has(name) ? name : undefined;
  const known = type === "integer" ? ["int32", "int64"] : type === "number" ? ["float", "double"] : [];
  return known.includes(format) ? format : undefined;
}

export function isKnownFormat(format: string, type: string | undefined): boolean {
  return normal(format, type) !== undefined;
}

/** Whether a text has the format; formats that are ignored fit everything. */
export function hasFormat(text: string, format: string, type: string | undefined): boolean {
  const name = normal(format, type);
  const test = name === undefined ? undefined : tests.get(name);
  return test === undefined || test(text);
}

function isDay(date: string): boolean {
  const ms = Date.parse(`${date}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(date);
}

function isDuration(text: string): boolean {
  let rest = text.replace(/^[+-]/, "");
  if (rest === "0") return true;
  for (let match = goDuration.exec(rest); match !== null; match = goDuration.exec(rest)) {
    rest = rest.slice(match[0].length);
    if (rest === "") return true;
    if (/^[+-]/.test(rest)) break;
  }
  return longDuration.test(text);
}

function isHostname(text: string): boolean {
  const labels = text.replace(/\.$/, "").split(".");
  const isLabel = (label: string) =>
    /^[A-Za-z0-9_\u0080-\uffff](?:[A-Za-z0-9_\u0080-\uffff-]*[A-Za-z0-9_\u0080-\uffff])?$/.test(label);
  return text.length > 0 && text.length <= 255 && labels.every((label) => label.length <= 63 && isLabel(label));
}

function isUri(text: string): boolean {
  return /^(?:[a-zA-Z][a-zA-Z0-9+.-]*:|\/)[^\s\p{Cc}]*$/u.test(text) && !/%(?![0-9a-fA-F]{2})/.test(text);
}

function isRgbColor(text: string): boolean {
  const parts = /^rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)$/.exec(text);
  return parts?.slice(1).every((part) => Number(part) <= 255) ?? false;
}

function isCreditCard(digits: string): boolean {
  const pattern =
    /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/;
  if (!pattern.test(digits)) return false;
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const value = index % 2 === 0 ? Number(digit) : 2 * Number(digit);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

function isIsbn10(text: string): boolean {
  const digits = text.replaceAll(/[\s-]/g, "");
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  const sum = [...digits].reduce(
    (total, digit, index) => total + (10 - index) * (digit === "X" ? 10 : Number(digit)),
    0,
  );
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = text.replaceAll(/[\s-]/g, "");
  if (!/^\d{13}$/.test(digits)) return false;
  return [...digits].reduce((total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 1 : 3), 0) % 10 === 0;
}
