// In which form a client wants its answer: JSON or YAML, the object as it is or as a table, metadata, discovery.
// Source: apiserver pkg/endpoints/handlers/negotiation.
import { ApiError } from "../model/api-error.ts";

/** What an answer may be turned into before it is written, as Accept headers ask for it. */
const forms = {
  table: { as: "Table", g: "meta.k8s.io", v: "v1" },
  partialMetadata: { as: "PartialObjectMetadata", g: "meta.k8s.io", v: "v1" },
  partialMetadataList: { as: "PartialObjectMetadataList", g: "meta.k8s.io", v: "v1" },
  discovery: { as: "APIGroupDiscoveryList", g: "apidiscovery.k8s.io", v: "v2" },
  discoveryBeta: { as: "APIGroupDiscoveryList", g: "apidiscovery.k8s.io", v: "v2beta1" },
} as const;

export type Form = keyof typeof forms;
export type Representation = { readonly mediaType: MediaType; readonly form: Form | "plain" };
type MediaType = (typeof mediaTypes)[number];

/** What every answer can be written in; the first is for clients that do not care. */
export const mediaTypes = ["application/json", "application/yaml"] as const;

type Clause = {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
};

/**
 * The representation the client likes best, among the plain object and the `offers`. An absent or empty Accept is
 * content with plain JSON. Throws NotAcceptable when nothing fits.
 */
export function negotiate(accept: string | null, offers: readonly Form[]): Representation {
  if (accept === null || accept.trim() === "") return { mediaType: mediaTypes[0], form: "plain" };
  for (const clause of clausesOf(accept)) {
    const mediaType = mediaTypes.find((candidate) => isMatch(clause.type, candidate));
    const form = formOf(clause, offers);
    if (mediaType !== undefined && form !== undefined) return { mediaType, form };
  }
  throw new ApiError("NotAcceptable", `only the following media types are accepted: ${mediaTypes.join(", ")}`);
}

/** As `negotiate`, for the stream of a watch: it is always JSON. */
export function negotiateStream(accept: string | null): Representation {
  if (accept === null || accept.trim() === "") return { mediaType: "application/json", form: "plain" };
  for (const clause of clausesOf(accept)) {
    const form = formOf(clause, ["table", "partialMetadata"]);
    if (isMatch(clause.type, "application/json") && form !== undefined) return { mediaType: "application/json", form };
  }
  throw new ApiError("NotAcceptable", "only the following media types are accepted: application/json;stream=watch");
}

/** The Content-Type of an answer. Clients tell aggregated discovery from the old kind by it, and by nothing else. */
export function contentTypeOf({ mediaType, form }: Representation): string {
  if (form !== "discovery" && form !== "discoveryBeta") return mediaType;
  const { as, g, v } = forms[form];
  return `${mediaType};g=${g};v=${v};as=${as}`;
}

/** The clauses of an Accept header, best first. */
function clausesOf(accept: string): readonly Clause[] {
  const clauses = accept.split(",").map(clauseOf);
  return clauses
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality || wildcards(a) - wildcards(b));
}

function clauseOf(text: string): Clause {
  const [type = "", ...rest] = text.split(";").map((part) => part.trim());
  const parameters = new Map(
    rest.map((part) => {
      const [name = "", ...value] = part.split("=");
      return [name.trim().toLowerCase(), value.join("=").trim().replaceAll('"', "")];
    }),
  );
  const quality = Number(parameters.get("q") ?? 1);
  return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 1 : quality };
}

function wildcards({ type }: Clause): number {
  return type.split("*").length - 1;
}

function isMatch(type: string, mediaType: MediaType): boolean {
  return type === mediaType || type === "*/*" || (type.endsWith("/*") && mediaType.startsWith(type.slice(0, -1)));
}

/** The form a clause asks for, or undefined when it is not on offer. */
function formOf({ parameters }: Clause, offers: readonly Form[]): Form | "plain" | undefined {
  const as = parameters.get("as");
  if (as === undefined) return "plain";
  return offers.find((offer) => {
    const form = forms[offer];
    return form.as === as && form.g === parameters.get("g") && form.v === parameters.get("v");
  });
}
