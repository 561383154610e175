// Questions about who somebody is, and requests for tokens. They are answered, never kept.
// Source: authentication.k8s.io/v1; pkg/apis/authentication/validation.
import * as z from "zod";

import { invalid } from "./field-error.ts";
import {
  always,
  defaultedPointer,
  embedded,
  flag,
  int64,
  mandatory,
  nullWhenAbsent,
  pointer,
  string,
  strings,
  struct,
  text,
  timestamp,
} from "./fields.ts";
import { longestTokenSeconds, shortestTokenSeconds } from "./limits.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import { UserInfo } from "./user-info.ts";
import type { Errors } from "./validation/each.ts";

const authentication = (name: string): string => `io.k8s.api.authentication.v1.${name}`;
const metadataDocs = "Standard object metadata. It says nothing here, for nothing is kept.";
const group = {
  group: "authentication.k8s.io",
  version: "v1",
  support: actedOn("answers who somebody is; nothing is kept"),
  namespaced: false,
  verbs: ["create"],
  columns: [nameColumn, ageColumn],
} as const;

function selfSubjectReview(version: "v1" | "v1beta1") {
  const id = (name: string): string => `io.k8s.api.authentication.${version}.${name}`;
  const Status = struct(
    id("SelfSubjectReviewStatus"),
    { userInfo: embedded(UserInfo) },
    { about: "The answer to who is asking.", userInfo: "The user who made the request." },
  );
  return struct(
    id("SelfSubjectReview"),
    { ...typeMeta, metadata: embedded(ObjectMeta), status: embedded(Status) },
    {
      about: "Asks who is asking: what the server takes the sender of this request for.",
      metadata: metadataDocs,
      status: "The answer, which the server fills in.",
    },
  );
}

const SelfSubjectReview = selfSubjectReview("v1");
export type SelfSubjectReview = z.output<typeof SelfSubjectReview>;

export const selfSubjectReviews: Resource<SelfSubjectReview> = defineResource<SelfSubjectReview>({
  ...group,
  kind: "SelfSubjectReview",
  plural: "selfsubjectreviews",
  schema: SelfSubjectReview,
});

/** `kubectl auth whoami` of 1.27 knows no other version. */
export const selfSubjectReviewsBeta: Resource<SelfSubjectReview> = defineResource<SelfSubjectReview>({
  ...group,
  version: "v1beta1",
  kind: "SelfSubjectReview",
  plural: "selfsubjectreviews",
  schema: selfSubjectReview("v1beta1"),
});

const TokenReviewSpec = struct(
  authentication("TokenReviewSpec"),
  { token: text, audiences: strings },
  {
    about: "The token that is asked about.",
    token: "The bearer token.",
    audiences: "For whom the token should have been made: one of them is enough. Absent: for this API server.",
  },
);

const TokenReviewStatus = struct(
  authentication("TokenReviewStatus"),
  { authenticated: flag, user: embedded(UserInfo), audiences: strings, error: text },
  {
    about: "Whose token it is, if anybody's.",
    authenticated: "Whether the token is a good one.",
    user: "The user whose token it is.",
    audiences: "Those of the audiences asked for that the token was made for.",
    error: "Why the token could not be checked.",
  },
);

const TokenReview = struct(
  authentication("TokenReview"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: mandatory(embedded(TokenReviewSpec)),
    status: embedded(TokenReviewStatus),
  },
  {
    about: "Asks whose a bearer token is.",
    metadata: metadataDocs,
    spec: "The question.",
    status: "The answer, which the server fills in.",
  },
);
export type TokenReview = z.output<typeof TokenReview>;

export const tokenReviews: Resource<TokenReview> = defineResource<TokenReview>({
  ...group,
  kind: "TokenReview",
  plural: "tokenreviews",
  schema: TokenReview,
});

const BoundObjectReference = struct(
  authentication("BoundObjectReference"),
  { kind: text, apiVersion: text, name: text, uid: text },
  {
    about: "An object without which a token is worth nothing.",
    kind: "The kind of the object: Pod, Secret or Node.",
    apiVersion: "The version of the API that the kind is of: v1.",
    name: "The name of the object.",
    uid: "The uid of the object. Absent: that of the object that is there now.",
  },
);
export type BoundObjectReference = z.output<typeof BoundObjectReference>;

const TokenRequestSpec = struct(
  authentication("TokenRequestSpec"),
  {
    audiences: nullWhenAbsent(z.array(string)),
    expirationSeconds: defaultedPointer(int64, 3600),
    boundObjectRef: pointer(BoundObjectReference),
  },
  {
    about: "What token is wanted.",
    audiences:
      "For whom the token is. Whoever is given one has to see to it that it is among them. Absent: this API server.",
    expirationSeconds: "How long the token is to be good for. The answer says how long it is.",
    boundObjectRef: "A Pod, Secret or Node that the token ends with.",
  },
);

const TokenRequestStatus = struct(
  authentication("TokenRequestStatus"),
  { token: always(string, ""), expirationTimestamp: timestamp },
  { about: "The token that was made.", token: "The bearer token.", expirationTimestamp: "When the token ends." },
);

export const TokenRequest = struct(
  authentication("TokenRequest"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: mandatory(embedded(TokenRequestSpec)),
    status: embedded(TokenRequestStatus),
  },
  {
    about: "Asks for a token of a service account.",
    metadata: "Standard object metadata: the name and namespace of the service account.",
    spec: "The request.",
    status: "The answer, which the server fills in.",
  },
);
export type TokenRequest = z.output<typeof TokenRequest>;

export function validateTokenRequest({ spec: { expirationSeconds } }: TokenRequest): Errors {
  const field = "spec.expirationSeconds";
  if (expirationSeconds < shortestTokenSeconds)
    return [invalid(field, expirationSeconds, "may not specify a duration less than 10 minutes")];
  if (expirationSeconds > longestTokenSeconds)
    return [invalid(field, expirationSeconds, "may not specify a duration larger than 2^32 seconds")];
  return [];
}
