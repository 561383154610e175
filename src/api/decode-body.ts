// What a body says, read as an object of some kind: what is unknown in it is refused or told, as the client likes.
import { ApiError, invalidError } from "../model/api-error.ts";
import { decodeObject } from "../model/decode.ts";
import { invalid } from "../model/field-error.ts";
import type { KubeObject } from "../model/meta.ts";
import type { Kind } from "../model/resource.ts";
import { checkType } from "./body-type.ts";
import type { RequestContext } from "./context.ts";
import type { WriteOptions } from "./query.ts";
import type { Body } from "./request-body.ts";

type Given<T extends KubeObject> = {
  readonly kind: Kind<T>;
  readonly body: Body;
  readonly options: Pick<WriteOptions, "fieldValidation">;
  /** What is shown of the patch that the object came of; undefined: it came whole. */
  readonly patch: string | undefined;
};

/** Throws BadRequest for what cannot be read, or Invalid where it came of a patch. */
export function decodeBody<T extends KubeObject>(
  { warn }: Pick<RequestContext, "warn">,
  { kind, body, options, patch }: Given<T>,
): T {
  const json = body.json ?? {};
  checkType(kind, json);
  requireKept(kind, body);
  const decoded = decodeObject(kind, json);
  const handled = `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}`;
  const unreadable = (why: string) =>
    patch === undefined
      ? new ApiError("BadRequest", `${handled}: ${why}`)
      : invalidError({ group: "", plural: "", kind: "" }, "", [invalid("patch", patch, why)]);
  if (!decoded.ok) throw unreadable(decoded.message);
  const problems = options.fieldValidation === "Ignore" ? [] : body.problems(decoded.unknownFields);
  if (options.fieldValidation !== "Strict" || problems.length === 0) {
    for (const problem of problems) warn(problem);
    return decoded.object;
  }
  throw unreadable(`strict decoding error: ${problems.join(", ")}`);
}

const longestShownNumber = 40;

/**
 * Numbers of which a schema knows what they are, it refuses itself; those that are kept as they came, in custom kinds
 * and in raw fields, are kept so or not at all. Throws BadRequest.
 */
export function requireKept(
  { kind, decode, rawFields }: Pick<Kind, "kind" | "decode" | "rawFields">,
  { changedNumbers }: Pick<Body, "changedNumbers">,
): void {
  const isRaw = (path: string) => decode !== null || rawFields.some((field) => /^[^.[]*/.exec(path)?.[0] === field);
  const changed = changedNumbers.find(({ path }) => isRaw(path));
  if (changed === undefined) return;
  const { path, text } = changed;
  const shown = text.length > longestShownNumber ? `${text.slice(0, longestShownNumber)}...` : text;
  throw new ApiError(
    "BadRequest",
    `${kind} cannot be kept with the number ${shown} at ${path}: integers are exact from -${Number.MAX_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}, and others end at 1.8e308`,
  );
}
