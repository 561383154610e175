// What a `fieldSelector=` query asks for.
// Source: apimachinery pkg/fields ParseSelector.
import { ApiError } from "./api-error.ts";

type FieldRequirement = {
  readonly field: string;
  readonly operator: "=" | "!=";
  readonly value: string;
};

/** All requirements must hold; none hold for everything. */
export type FieldQuery = readonly FieldRequirement[];

/** A field that `fields` lacks counts as empty. */
export function fieldQueryMatches(query: FieldQuery, fields: Readonly<Record<string, string>>): boolean {
  return query.every(({ field, operator, value }) => {
    const actual = Object.hasOwn(fields, field) ? fields[field] : "";
    return operator === "=" ? actual === value : actual !== value;
  });
}

/**
 * Parses `a=b,c!=d`. `=` and `==` are the same; in a value, `\,`, `\=` and `\\` stand for the second character.
 * Throws BadRequest.
 */
export function parseFieldQuery(query: string): FieldQuery {
  return terms(query)
    .map((term) => parseTerm(term, query))
    .filter(({ field, value }) => field !== "" || value !== "");
}

/** The parts between commas that no backslash precedes, empty ones left out. */
function terms(query: string): readonly string[] {
  return query.match(/(?:\\.|[^,\\]|\\$)+/gs) ?? [];
}

function parseTerm(term: string, query: string): FieldRequirement {
  const match = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
  if (match === null) {
    throw new ApiError("BadRequest", `invalid selector: '${query}'; can't understand '${term}'`);
  }
  const [, field = "", operator, value = ""] = match;
  return { field, operator: operator === "!=" ? "!=" : "=", value: unescaped(value) };
}

function unescaped(value: string): string {
  return value.replaceAll(/\\?.|\\$/gs, (sequence) => {
    const [first = "", second] = sequence;
    if (first === "\\" && second !== undefined && "\\,=".includes(second)) return second;
    if (first === "\\") throw badValue(`invalid escape sequence: ${sequence}`);
    if (first === "=" || first === ",") throw badValue(`unescaped character in value: ${first.charCodeAt(0)}`);
    return sequence;
  });
}

function badValue(why: string): ApiError {
  return new ApiError("BadRequest", `invalid field selector: ${why}`);
}
