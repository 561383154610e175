// What a resource amount such as "500m" or "1.5Gi" is worth, and how Kubernetes writes it.
// Source: apimachinery pkg/api/resource (Quantity), whose canonical form this follows.

type Format = "decimal" | "binary" | "exponent";

type Parsed = { readonly nanos: bigint; readonly format: Format };

const pattern = /^([+-]?)(\d+\.?\d*|\.\d+)(.*)$/;
const decimalExponents: ReadonlyMap<string, number> = new Map([
  ["n", -9],
  ["u", -6],
  ["m", -3],
  ["", 0],
  ["k", 3],
  ["M", 6],
  ["G", 9],
  ["T", 12],
  ["P", 15],
  ["E", 18],
]);
const binaryPowers: ReadonlyMap<string, number> = new Map([
  ["Ki", 10],
  ["Mi", 20],
  ["Gi", 30],
  ["Ti", 40],
  ["Pi", 50],
  ["Ei", 60],
]);
const nano = 1_000_000_000n;
const milli = 1_000_000n;
const largest = (2n ** 63n - 1n) * nano;
const longestNumber = 64;

function scale(digits: bigint, fractionDigits: number, exponent: number): bigint {
  const shift = exponent + 9 - fractionDigits;
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  return divideUp(digits, 10n ** BigInt(-shift));
}

function divideUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}

function parse(value: string): Parsed | null {
  if (value.length > longestNumber) return null;
  const match = pattern.exec(value);
  if (match === null) return null;
  const [, sign, number = "", suffix = ""] = match;
  const [whole = "", fraction = ""] = number.split(".");
  const digits = BigInt(`${whole}${fraction}` || "0");
  const amount = parseAmount(digits, fraction.length, suffix);
  if (amount === null) return null;
  const bounded = amount.nanos > largest ? largest : amount.nanos;
  return { nanos: sign === "-" ? -bounded : bounded, format: amount.format };
}

function parseAmount(digits: bigint, fractionDigits: number, suffix: string): Parsed | null {
  const decimal = decimalExponents.get(suffix);
  if (decimal !== undefined) return { nanos: scale(digits, fractionDigits, decimal), format: "decimal" };
  const power = binaryPowers.get(suffix);
  if (power !== undefined) {
    return { nanos: divideUp(digits * nano * 2n ** BigInt(power), 10n ** BigInt(fractionDigits)), format: "binary" };
  }
  const exponent = /^[eE]([+-]?\d{1,3})$/.exec(suffix);
  if (exponent === null) return null;
  return { nanos: scale(digits, fractionDigits, Number(exponent[1])), format: "exponent" };
}

/** The canonical text of a quantity, or null when `value` is none. */
export function canonicalQuantity(value: string): string | null {
  const parsed = parse(value.trim());
  return parsed === null ? null : format(parsed);
}

/** As `canonicalQuantity`, with anything finer than a thousandth rounded up. */
export function roundUpToMilli(value: string): string | null {
  const parsed = parse(value.trim());
  if (parsed === null) return null;
  const size = parsed.nanos < 0n ? -parsed.nanos : parsed.nanos;
  const rounded = divideUp(size, milli) * milli;
  return format({ nanos: parsed.nanos < 0n ? -rounded : rounded, format: parsed.format });
}

const quantityForm = /^[+-]?[0-9.]+[eEinumkKMGTP]*[-+]?[0-9]*$/;

/** Upstream's text for why `value` is no quantity. */
export function quantityProblem(value: string): string {
  if (quantityForm.test(value.trim())) return "unable to parse quantity's suffix";
  return "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
}

function format({ nanos, format }: Parsed): string {
  if (nanos === 0n) return "0";
  const sign = nanos < 0n ? "-" : "";
  const size = nanos < 0n ? -nanos : nanos;
  // Fractions and amounts below 1024 are written decimally even when given with a binary suffix.
  if (format === "binary" && size % nano === 0n && size >= 1024n * nano) return sign + binaryText(size / nano);
  return sign + decimalText(size, format === "exponent");
}

function binaryText(units: bigint): string {
  let rest = units;
  let power = 0;
  while (power < 60 && rest % 1024n === 0n) {
    rest /= 1024n;
    power += 10;
  }
  const suffix = [...binaryPowers].find(([, p]) => p === power)?.[0] ?? "";
  return `${rest}${suffix}`;
}

function decimalText(nanos: bigint, withExponent: boolean): string {
  let rest = nanos;
  let exponent = -9;
  while (exponent < 18 && rest % 1000n === 0n) {
    rest /= 1000n;
    exponent += 3;
  }
  if (withExponent) return exponent === 0 ? `${rest}` : `${rest}e${exponent}`;
  const suffix = [...decimalExponents].find(([, e]) => e === exponent)?.[0] ?? "";
  return `${rest}${suffix}`;
}

/** Compares two quantities: negative, zero or positive. Both must be valid. */
export function compareQuantities(a: string, b: string): number {
  const difference = (parse(a)?.nanos ?? 0n) - (parse(b)?.nanos ?? 0n);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** The sum of two amounts, written as the first is. Both must be valid. */
export function addQuantities(a: string, b: string): string {
  const first = parse(a);
  return format({ nanos: (first?.nanos ?? 0n) + (parse(b)?.nanos ?? 0n), format: first?.format ?? "decimal" });
}

/** Whether the amount is a whole multiple of `unit`. Both must be valid. */
export function isMultipleOf(value: string, unit: string): boolean {
  const size = parse(unit)?.nanos ?? 0n;
  return size !== 0n && (parse(value)?.nanos ?? 0n) % size === 0n;
}

/** The amount in thousandths, rounded up (CPU millicores, say). */
export function quantityMilli(value: string): number {
  return Number(divideUp(parse(value)?.nanos ?? 0n, 1_000_000n));
}

/** The amount in whole units, rounded up (bytes, say). */
export function quantityUnits(value: string): number {
  return Number(divideUp(parse(value)?.nanos ?? 0n, nano));
}
