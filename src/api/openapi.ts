// The OpenAPI documents of the API: in version 3 one per group and version, and an index of them; in version 2 one of
// everything. Written from the table of resources on first use and kept. kubectl reads them to validate objects, to compute patches and to explain fields.

import type { JsonObject } from "../core/json.ts";
import type { Json } from "../model/fields.ts";
import type { Resource } from "../model/resource.ts";
import { type Subresource, serverVersion, subresourcesOf } from "./discovery.ts";
import { componentSchemas, type PartOfApi } from "./openapi/component-schemas.ts";
import { groupVersionPath, resourcePaths } from "./openapi/operations.ts";
import { versionTwo } from "./openapi/version-two.ts";
import { subresources } from "./subresources.ts";

export type OpenApiDocument = {
  /** JSON. */
  readonly text: string;
  /** Of the text: the same API has the same hash, whichever server wrote it. */
  readonly hash: string;
};

type Resources = readonly Resource[];

const written = new WeakMap<Resources, Map<string, OpenApiDocument>>();

/** `/openapi/v3`: where the documents are. `others` are written elsewhere: their hashes by path. */
export function openApiIndex(
  resources: Resources,
  others: ReadonlyMap<string, string> = new Map<string, string>(),
): OpenApiDocument {
  if (others.size === 0) return remember(resources, "", () => indexOf(hashesOf(resources)));
  return documentOf(JSON.stringify(indexOf(new Map([...hashesOf(resources), ...others]))));
}

function hashesOf(resources: Resources): ReadonlyMap<string, string> {
  const paths = new Set(resources.map(groupVersionPath));
  return new Map([...paths].map((path) => [path, openApiDocument(resources, path)?.hash ?? ""]));
}

function indexOf(hashes: ReadonlyMap<string, string>): Json {
  const entries = [...hashes].map(
    ([path, hash]) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }] as const,
  );
  return { paths: Object.fromEntries(entries) };
}

/** The document of `api/v1` or `apis/apps/v1`; undefined when no resource is served there. */
export function openApiDocument(resources: Resources, path: string): OpenApiDocument | undefined {
  const served = resources.filter((resource) => groupVersionPath(resource) === path);
  if (served.length === 0) return undefined;
  return remember(resources, path, () => writeDocument(resources, served));
}

/** `/openapi/v2`: all documents as one, in the older form. */
export function openApiVersionTwo(resources: Resources): OpenApiDocument {
  return remember(resources, "v2", () => {
    const paths = [...new Set(resources.map(groupVersionPath))];
    const documents = paths.map((path) =>
      writeDocument(
        resources,
        resources.filter((resource) => groupVersionPath(resource) === path),
      ),
    );
    return versionTwo(documents, info);
  });
}

const info = { title: "Kubernetes", version: serverVersion.gitVersion } as const;

function writeDocument(resources: Resources, served: Resources): JsonObject {
  const below = served.map((resource) => [resource, subresourcesOf(resource, subresources)] as const);
  return {
    openapi: "3.0.0",
    info,
    paths: Object.assign({}, ...below.map(([resource, parts]) => resourcePaths(resource, parts))),
    components: {
      schemas: componentSchemas(
        served,
        below.flatMap(([resource, parts]) => partsOfApi(resource, parts)),
        resources,
      ),
      securitySchemes: {
        BearerToken: { type: "apiKey", description: "A bearer token.", in: "header", name: "authorization" },
      },
    },
    security: [{ BearerToken: [] }],
  };
}

function partsOfApi({ group, version }: Resource, parts: readonly Subresource[]): readonly PartOfApi[] {
  return parts.flatMap(({ schema, ...part }) => (schema === undefined ? [] : [{ group, version, ...part, schema }]));
}

function remember(resources: Resources, path: string, write: () => Json): OpenApiDocument {
  const known = written.get(resources) ?? new Map<string, OpenApiDocument>();
  written.set(resources, known);
  const document = known.get(path) ?? documentOf(JSON.stringify(write()));
  known.set(path, document);
  return document;
}

function documentOf(text: string): OpenApiDocument {
  return { text, hash: hashOf(text) };
}

/** The ETag of a document. */
export function entityTag({ hash }: OpenApiDocument): string {
  return `"${hash}"`;
}

/** Whether a client that sent this If-None-Match has the document already. */
export function isUnchanged(ifNoneMatch: string | null, document: OpenApiDocument): boolean {
  if (ifNoneMatch === null) return false;
  const tags = ifNoneMatch.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes("*") || tags.includes(entityTag(document));
}

/** 64 bits of FNV-1a, in two halves that start differently: it tells versions apart and protects nothing. */
export function hashOf(text: string): string {
  let high = 0x811c9dc5;
  let low = 0x9dc5811c;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ code, 0x85ebca6b);
  }
  return [high, low].map((half) => (half >>> 0).toString(16).toUpperCase().padStart(8, "0")).join("");
}
