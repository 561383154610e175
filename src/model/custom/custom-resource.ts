// The kind that a CustomResourceDefinition adds, in one of its versions, as a resource like any other.
// Source: apiextensions-apiserver pkg/registry/customresource strategy.go, pkg/apiserver customresource_handler.go.
import * as z from "zod";

import type { Decoded } from "../decode.ts";
import { apiVersionOf, decode } from "../decode.ts";
import { semanticEqual } from "../equality.ts";
import { embedded } from "../fields.ts";
import type { KubeObject } from "../meta.ts";
import { ObjectMeta, typeMeta } from "../meta.ts";
import { ageColumn, nameColumn } from "../printing.ts";
import type { Resource } from "../resource.ts";
import { defineResource } from "../resource.ts";
import { storedOnly } from "../support.ts";
import { validateMetadata, validateMetadataUpdate } from "../validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "../validation/names.ts";
import { isConditionTrue } from "./accepted-names.ts";
import { kindOf } from "./custom-kinds.ts";
import type { CustomResourceDefinition } from "./definition.ts";

/** The resource of one version; undefined: it is not served. */
export function customResource(definition: CustomResourceDefinition, versionName: string): Resource | undefined {
  const version = definition.spec.versions?.find(({ name }) => name === versionName);
  if (version === undefined || !version.served || !isConditionTrue(definition, "Established")) return undefined;
  const kind = kindOf(definition, { ...version, subresources: version.subresources ?? null });
  const apiVersion = apiVersionOf(kind);
  const withStatus = kind.statusSubresource;
  return defineResource<KubeObject>({
    support: storedOnly("what a definition says it is"),
    ...kind,
    // Typed stub: what is said of objects of any kind, which is all that is known of these.
    schema: z.looseObject({ ...typeMeta, metadata: embedded(ObjectMeta) }) as unknown as z.ZodType<KubeObject>,
    decode: (json) => decodeCustom(json),
    fromStorage: (stored) => ({ ...stored, apiVersion }),
    validateName: nameRule(dns1123Subdomain),
    selectableFields: () => ({}),
    prepareForCreate: (object) => withGeneration(withStatus ? withoutStatus(object) : object, 1),
    prepareForUpdate: (object, old) => {
      const { generation = 0 } = old.metadata;
      const kept = withStatus ? withStatusOf(object, old) : object;
      return withGeneration(kept, isSameContent(kept, old, withStatus) ? generation : generation + 1);
    },
    prepareForStatusUpdate: (object, old) => withStatusOf(old, object),
    validate: ({ metadata }) => validateMetadata(metadata, { namespaced: kind.namespaced, name: dns1123Subdomain }),
    validateUpdate: ({ metadata }, old) => validateMetadataUpdate(metadata, old.metadata),
    columns: [nameColumn, ageColumn],
  });
}

function decodeCustom(json: unknown): Decoded<KubeObject> {
  // Typed stub: only that an object has metadata is known of it.
  return decode(z.looseObject({ metadata: embedded(ObjectMeta) }) as unknown as z.ZodType<KubeObject>, json);
}

function withGeneration(object: KubeObject, generation: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, generation } };
}

function withoutStatus({ status: _status, ...object }: KubeObject): KubeObject {
  // Typed stub: the rest has all that an object must have.
  return object as KubeObject;
}

function withStatusOf(object: KubeObject, { status }: KubeObject): KubeObject {
  return status === undefined ? withoutStatus(object) : { ...withoutStatus(object), status };
}

/** Whether nothing differs but metadata and, where that is written by itself, status. */
function isSameContent(a: KubeObject, b: KubeObject, withStatus: boolean): boolean {
  const contentOf = ({ metadata: _metadata, ...object }: KubeObject) => object;
  const [left, right] = withStatus ? [withoutStatus(a), withoutStatus(b)] : [a, b];
  return semanticEqual(contentOf(left), contentOf(right));
}
