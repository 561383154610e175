// Which texts are names: of objects, labels, ports and the like. Each check answers with upstream's texts for what is
// wrong, in upstream's order; nothing wrong is an empty list.
// Source: apimachinery pkg/util/validation, pkg/api/validation/name.go.
import { utf8Length } from "../utf8.ts";

export type Check = (value: string) => readonly string[];

const none: readonly string[] = [];

const longestLabel = 63;
const longestSubdomain = 253;
const longestPortName = 15;

function regexText(message: string, format: string, ...examples: readonly string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${format}')`;
  const list = examples.map((example) => `'${example}', `).join(" or ");
  return `${message} (e.g. ${list}regex used for validation is '${format}')`;
}

export function rangeText(low: number, high: number): string {
  return `must be between ${low} and ${high}, inclusive`;
}

function tooLongText(length: number): string {
  return `must be no more than ${length} characters`;
}

const labelFormat = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const labelPattern = new RegExp(`^${labelFormat}$`);
const subdomainFormat = `${labelFormat}(\\.${labelFormat})*`;
const subdomainPattern = new RegExp(`^${subdomainFormat}$`);

const labelProblem = regexText(
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  labelFormat,
  "my-name",
  "123-abc",
);
const subdomainProblem = regexText(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  subdomainFormat,
  "example.com",
);

export function dns1123Label(value: string): readonly string[] {
  const problems = utf8Length(value) > longestLabel ? [tooLongText(longestLabel)] : [];
  if (labelPattern.test(value)) return problems;
  return [...problems, subdomainPattern.test(value) ? "must not contain dots" : labelProblem];
}

export function dns1123Subdomain(value: string): readonly string[] {
  const problems = utf8Length(value) > longestSubdomain ? [tooLongText(longestSubdomain)] : [];
  return subdomainPattern.test(value) ? problems : [...problems, subdomainProblem];
}

const wildcardFormat = `\\*\\.${subdomainFormat}`;
const wildcardPattern = new RegExp(`^${wildcardFormat}$`);
const wildcardProblem = regexText(
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
  wildcardFormat,
  "*.example.com",
);

/** All names below a subdomain. */
export function wildcardSubdomain(value: string): readonly string[] {
  const problems = utf8Length(value) > longestSubdomain ? [tooLongText(longestSubdomain)] : [];
  return wildcardPattern.test(value) ? problems : [...problems, wildcardProblem];
}

const dns1035Format = "[a-z]([-a-z0-9]*[a-z0-9])?";
const dns1035Pattern = new RegExp(`^${dns1035Format}$`);
const dns1035Problem = regexText(
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  dns1035Format,
  "my-name",
  "abc-123",
);

/** A label as older rules of DNS have it: it begins with a letter. */
export function dns1035Label(value: string): readonly string[] {
  const problems = utf8Length(value) > longestLabel ? [tooLongText(longestLabel)] : [];
  return dns1035Pattern.test(value) ? problems : [...problems, dns1035Problem];
}

/** A name that can stand between two slashes of a URL. */
export function pathSegment(value: string): readonly string[] {
  if (value === "." || value === "..") return [`may not be '${value}'`];
  return ["/", "%"]
    .filter((character) => value.includes(character))
    .map((character) => `may not contain '${character}'`);
}

/** The first thing that `check` finds wrong with a name, or null. */
export function nameRule(check: Check): (name: string) => string | null {
  return (name) => check(name)[0] ?? null;
}

/** The check for a generateName: it may end in the dash that the generated part follows. */
export function asPrefix(check: Check): Check {
  return (prefix) => check(prefix.length > 1 && prefix.endsWith("-") ? `${prefix.slice(0, -1)}a` : prefix);
}

const nameFormat = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const namePattern = new RegExp(`^${nameFormat}$`);
const nameProblem = regexText(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  nameFormat,
  "MyName",
  "my.name",
  "123-abc",
);

/** A label key, an annotation key or a resource name: `[prefix/]name`. */
export function qualifiedName(value: string): readonly string[] {
  const parts = value.split("/");
  if (parts.length > 2) {
    return [
      `a qualified name ${nameProblem} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const name = parts.at(-1) ?? "";
  const problems = parts.length === 2 ? [...prefixProblems(parts[0] ?? "")] : [];
  if (name === "") problems.push("name part must be non-empty");
  else if (utf8Length(name) > longestLabel) problems.push(`name part ${tooLongText(longestLabel)}`);
  if (!namePattern.test(name)) problems.push(`name part ${nameProblem}`);
  return problems;
}

function prefixProblems(prefix: string): readonly string[] {
  if (prefix === "") return ["prefix part must be non-empty"];
  return dns1123Subdomain(prefix).map((problem) => `prefix part ${problem}`);
}

const labelValueFormat = `(${nameFormat})?`;
const labelValuePattern = new RegExp(`^${labelValueFormat}$`);
const labelValueProblem = regexText(
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  labelValueFormat,
  "MyValue",
  "my_value",
  "12345",
);

export function labelValue(value: string): readonly string[] {
  const problems = utf8Length(value) > longestLabel ? [tooLongText(longestLabel)] : [];
  return labelValuePattern.test(value) ? problems : [...problems, labelValueProblem];
}

/** An IANA service name, as ports have them. */
export function portName(value: string): readonly string[] {
  const problems: string[] = [];
  if (utf8Length(value) > longestPortName) problems.push(tooLongText(longestPortName));
  if (!/^[-a-z0-9]+$/.test(value)) {
    problems.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (!/[a-z]/.test(value)) problems.push("must contain at least one letter (a-z)");
  if (value.includes("--")) problems.push("must not contain consecutive hyphens");
  if (value.startsWith("-") || value.endsWith("-")) problems.push("must not begin or end with a hyphen");
  return problems;
}

export function portNumber(value: number): readonly string[] {
  return value >= 1 && value <= 65_535 ? none : [rangeText(1, 65_535)];
}

export function userOrGroupId(value: number): readonly string[] {
  return value >= 0 && value <= 0xffffffff ? none : [rangeText(0, 0xffffffff)];
}

export function envVarName(value: string): readonly string[] {
  if (/^[ -<>-~]+$/.test(value)) return none;
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

const keyFormat = "[-._a-zA-Z0-9]+";
const keyPattern = new RegExp(`^${keyFormat}$`);
const keyProblem = regexText(
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  keyFormat,
  "key.name",
  "KEY_NAME",
  "key-name",
);

/** A key of a ConfigMap or Secret: it becomes a file name. */
export function configMapKey(value: string): readonly string[] {
  const problems: string[] = [];
  if (utf8Length(value) > longestSubdomain) problems.push(tooLongText(longestSubdomain));
  if (!keyPattern.test(value)) problems.push(keyProblem);
  if (value === "." || value === "..") problems.push(`must not be '${value}'`);
  else if (value.startsWith("..")) problems.push("must not start with '..'");
  return problems;
}

const headerFormat = "[-A-Za-z0-9]+";
const headerPattern = new RegExp(`^${headerFormat}$`);
const headerProblem = regexText(
  "a valid HTTP header must consist of alphanumeric characters or '-'",
  headerFormat,
  "X-Header-Name",
);

export function httpHeaderName(value: string): readonly string[] {
  return headerPattern.test(value) ? none : [headerProblem];
}

const percentFormat = "[0-9]+%";
const percentPattern = new RegExp(`^${percentFormat}$`);
const percentProblem = regexText(
  "a valid percent string must be a numeric string followed by an ending '%'",
  percentFormat,
  "1%",
  "93%",
);

export function percent(value: string): readonly string[] {
  return percentPattern.test(value) ? none : [percentProblem];
}
