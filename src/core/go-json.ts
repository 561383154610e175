// JSON text byte for byte as a Go client computes it from a map: sorted keys, no blanks, HTML characters escaped.
// Source: encoding/json (compact encoding with HTML escaping).

const escaped: Readonly<Record<string, string>> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
};

function textJson(text: string): string {
  return JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, (character) => escaped[character] ?? character);
}

/** Fields that are undefined are left out; null stays. */
export function goJson(value: unknown): string {
  if (typeof value === "string") return textJson(value);
  if (Array.isArray(value)) return `[${value.map(goJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  fields.sort(([a], [b]) => compareByCodePoint(a, b));
  return `{${fields.map(([key, field]) => `${textJson(key)}:${goJson(field)}`).join(",")}}`;
}

/** Orders text as Go orders the bytes of its UTF-8 form. */
function compareByCodePoint(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let index = 0; index < left.length && index < right.length; index += 1) {
    const difference = (left[index]?.codePointAt(0) ?? 0) - (right[index]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
