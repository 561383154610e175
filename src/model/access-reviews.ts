// Questions about what somebody may do. They are answered, never kept.
// Source: authorization.k8s.io/v1; pkg/apis/authorization/validation.
import * as z from "zod";

import { forbidden, invalid } from "./field-error.ts";
import {
  always,
  boolean,
  embedded,
  flag,
  list,
  mandatory,
  meta,
  nullWhenAbsent,
  pointer,
  string,
  strings,
  struct,
  text,
} from "./fields.ts";
import { LabelSelectorRequirement, ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import { extraValues } from "./user-info.ts";
import type { Errors } from "./validation/each.ts";
import { noErrors } from "./validation/each.ts";

const authorization = (name: string): string => `io.k8s.api.authorization.v1.${name}`;
const metadataDocs = "Standard object metadata. It says nothing here, for nothing is kept.";
const group = {
  group: "authorization.k8s.io",
  version: "v1",
  support: actedOn("answers whether somebody may do something; nothing is kept"),
  namespaced: false,
  verbs: ["create"],
  columns: [nameColumn, ageColumn],
} as const;

const FieldSelectorRequirement = struct(
  meta("FieldSelectorRequirement"),
  { key: always(string, ""), operator: always(string, ""), values: strings },
  {
    about: "One condition on a field.",
    key: "The field.",
    operator: "How field and values relate: In, NotIn, Exists or DoesNotExist.",
    values: "The values.",
  },
);

const FieldSelectorAttributes = struct(
  authorization("FieldSelectorAttributes"),
  { rawSelector: text, requirements: list(FieldSelectorRequirement) },
  {
    about: "The field selector of the request that is asked about.",
    rawSelector: "The selector as a text.",
    requirements: "The selector as a list of conditions.",
  },
);

const LabelSelectorAttributes = struct(
  authorization("LabelSelectorAttributes"),
  { rawSelector: text, requirements: list(LabelSelectorRequirement) },
  {
    about: "The label selector of the request that is asked about.",
    rawSelector: "The selector as a text.",
    requirements: "The selector as a list of conditions.",
  },
);

const ResourceAttributes = struct(
  authorization("ResourceAttributes"),
  {
    namespace: text,
    verb: text,
    group: text,
    version: text,
    resource: text,
    subresource: text,
    name: text,
    fieldSelector: pointer(FieldSelectorAttributes),
    labelSelector: pointer(LabelSelectorAttributes),
  },
  {
    about: "A request for objects of the API.",
    namespace: "The namespace. Absent: all of them, or none for kinds that are in none.",
    verb: "What is to be done: get, list, watch, create, update, patch, delete and so on, or *.",
    group: "The API group, or *.",
    version: "The version of the API group, or *.",
    resource: "The kind of object, in its plural, or *.",
    subresource: "A part of the object, such as status or log.",
    name: "The name of the object. Absent: any.",
    fieldSelector: "The field selector of the request. It makes no difference to the answer.",
    labelSelector: "The label selector of the request. It makes no difference to the answer.",
  },
);
export type ResourceAttributes = z.output<typeof ResourceAttributes>;

const NonResourceAttributes = struct(
  authorization("NonResourceAttributes"),
  { path: text, verb: text },
  { about: "A request for a path that is no object.", path: "The path.", verb: "The HTTP method in lower case." },
);
export type NonResourceAttributes = z.output<typeof NonResourceAttributes>;

const whatDocs = {
  resourceAttributes: "The request that is asked about, if it is for objects of the API.",
  nonResourceAttributes: "The request that is asked about, if it is for another path.",
} as const;
const what = {
  resourceAttributes: pointer(ResourceAttributes),
  nonResourceAttributes: pointer(NonResourceAttributes),
};

const SubjectAccessReviewStatus = struct(
  authorization("SubjectAccessReviewStatus"),
  { allowed: always(boolean, false), denied: flag, reason: text, evaluationError: text },
  {
    about: "Whether it may be done.",
    allowed: "Whether it may be done.",
    denied: "Whether it was refused outright. What no rule allows is not allowed, and not denied.",
    reason: "What allows it.",
    evaluationError: "What went wrong on the way. The answer holds all the same.",
  },
);

const SelfSubjectAccessReviewSpec = struct(authorization("SelfSubjectAccessReviewSpec"), what, {
  about: "What is asked about. One of the two must be given.",
  ...whatDocs,
});

const SelfSubjectAccessReview = struct(
  authorization("SelfSubjectAccessReview"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: mandatory(embedded(SelfSubjectAccessReviewSpec)),
    status: embedded(SubjectAccessReviewStatus),
  },
  {
    about: "Asks whether the sender of this request may do something.",
    metadata: metadataDocs,
    spec: "The question.",
    status: "The answer, which the server fills in.",
  },
);
export type SelfSubjectAccessReview = z.output<typeof SelfSubjectAccessReview>;

const SubjectAccessReviewSpec = struct(
  authorization("SubjectAccessReviewSpec"),
  { ...what, user: text, groups: strings, extra: extraValues, uid: text },
  {
    about: "What is asked about, and of whom. One request, and a user or groups must be given.",
    ...whatDocs,
    user: "The name of the user.",
    groups: "The groups that the user is in.",
    extra: "What else is known of the user.",
    uid: "The uid of the user.",
  },
);

const reviewFields = {
  ...typeMeta,
  metadata: embedded(ObjectMeta),
  spec: mandatory(embedded(SubjectAccessReviewSpec)),
  status: embedded(SubjectAccessReviewStatus),
};

const SubjectAccessReview = struct(authorization("SubjectAccessReview"), reviewFields, {
  about: "Asks whether somebody may do something.",
  metadata: metadataDocs,
  spec: "The question.",
  status: "The answer, which the server fills in.",
});
export type SubjectAccessReview = z.output<typeof SubjectAccessReview>;

const LocalSubjectAccessReview = struct(authorization("LocalSubjectAccessReview"), reviewFields, {
  about: "Asks whether somebody may do something in one namespace, so that who may ask can be told by namespace.",
  metadata: metadataDocs,
  spec: "The question. Its namespace must be that of the request.",
  status: "The answer, which the server fills in.",
});

const SelfSubjectRulesReviewSpec = struct(
  authorization("SelfSubjectRulesReviewSpec"),
  { namespace: text },
  { about: "Where is asked about.", namespace: "The namespace whose rules are wanted." },
);

const ResourceRule = struct(
  authorization("ResourceRule"),
  { verbs: mandatory(nullWhenAbsent(z.array(string))), apiGroups: strings, resources: strings, resourceNames: strings },
  {
    about: "What may be done to which objects.",
    verbs: "What may be done; * is everything.",
    apiGroups: "The API groups of the objects; * is every one.",
    resources: "The kinds of objects, in their plural, with a part such as pods/log; * is every one.",
    resourceNames: "The names of the objects. Absent: any.",
  },
);

const NonResourceRule = struct(
  authorization("NonResourceRule"),
  { verbs: mandatory(nullWhenAbsent(z.array(string))), nonResourceURLs: strings },
  {
    about: "What may be asked of which paths.",
    verbs: "HTTP methods in lower case; * is every one.",
    nonResourceURLs: "The paths; a * at the end stands for whatever follows.",
  },
);

const SubjectRulesReviewStatus = struct(
  authorization("SubjectRulesReviewStatus"),
  {
    resourceRules: always(z.array(ResourceRule), []),
    nonResourceRules: always(z.array(NonResourceRule), []),
    incomplete: always(boolean, false),
    evaluationError: text,
  },
  {
    about: "What may be done.",
    resourceRules: "What may be done to objects. The order means nothing, and rules may repeat.",
    nonResourceRules: "What may be asked of other paths. The order means nothing, and rules may repeat.",
    incomplete: "Whether there may be more than these rules.",
    evaluationError: "What went wrong on the way.",
  },
);

const SelfSubjectRulesReview = struct(
  authorization("SelfSubjectRulesReview"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: mandatory(embedded(SelfSubjectRulesReviewSpec)),
    status: embedded(SubjectRulesReviewStatus),
  },
  {
    about: "Asks for everything that the sender of this request may do in a namespace.",
    metadata: metadataDocs,
    spec: "The question.",
    status: "The answer, which the server fills in.",
  },
);
export type SelfSubjectRulesReview = z.output<typeof SelfSubjectRulesReview>;

type What = {
  readonly resourceAttributes?: ResourceAttributes | undefined;
  readonly nonResourceAttributes?: NonResourceAttributes | undefined;
};

function validateWhat({ resourceAttributes, nonResourceAttributes }: What): Errors {
  const both = "cannot be specified in combination with resourceAttributes";
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined)
    return [invalid("spec.nonResourceAttributes", nonResourceAttributes, both)];
  const neither = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
  return resourceAttributes === undefined && nonResourceAttributes === undefined
    ? [invalid("spec.resourceAttributes", null, neither)]
    : noErrors;
}

function validateSubjectReview({ spec }: SubjectAccessReview): Errors {
  const isNobody = spec.user === undefined && (spec.groups ?? []).length === 0;
  return [
    ...validateWhat(spec),
    ...(isNobody ? [invalid("spec.user", "", "at least one of user or group must be specified")] : noErrors),
  ];
}

function validateLocal(review: SubjectAccessReview): Errors {
  const { metadata, spec } = review;
  const { namespace = "" } = spec.resourceAttributes ?? {};
  const isElsewhere = spec.resourceAttributes !== undefined && namespace !== metadata.namespace;
  return [
    ...validateSubjectReview(review),
    ...(isElsewhere
      ? [invalid("spec.resourceAttributes.namespace", namespace, "must match metadata.namespace")]
      : noErrors),
    ...(spec.nonResourceAttributes === undefined
      ? noErrors
      : [forbidden("spec.nonResourceAttributes", "disallowed on this kind of request")]),
  ];
}

export const selfSubjectAccessReviews: Resource<SelfSubjectAccessReview> = defineResource<SelfSubjectAccessReview>({
  ...group,
  kind: "SelfSubjectAccessReview",
  plural: "selfsubjectaccessreviews",
  schema: SelfSubjectAccessReview,
  validate: ({ spec }) => validateWhat(spec),
});

export const selfSubjectRulesReviews: Resource<SelfSubjectRulesReview> = defineResource<SelfSubjectRulesReview>({
  ...group,
  kind: "SelfSubjectRulesReview",
  plural: "selfsubjectrulesreviews",
  schema: SelfSubjectRulesReview,
});

export const subjectAccessReviews: Resource<SubjectAccessReview> = defineResource<SubjectAccessReview>({
  ...group,
  kind: "SubjectAccessReview",
  plural: "subjectaccessreviews",
  schema: SubjectAccessReview,
  validate: validateSubjectReview,
});

export const localSubjectAccessReviews: Resource<SubjectAccessReview> = defineResource<SubjectAccessReview>({
  ...group,
  namespaced: true,
  kind: "LocalSubjectAccessReview",
  plural: "localsubjectaccessreviews",
  schema: LocalSubjectAccessReview,
  validate: validateLocal,
});
