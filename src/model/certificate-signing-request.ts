// CertificateSigningRequests: what machines and people ask to be certified, and what approvers say to it.
// Source: certificates.k8s.io/v1; pkg/apis/certificates/validation, pkg/registry/certificates.
import type * as z from "zod";

import { decodeBase64 } from "./base64.ts";
import { parseCertificateRequest } from "./certificate-request.ts";
import type { FieldError } from "./field-error.ts";
import { duplicate, forbidden, invalid, notSupported, required } from "./field-error.ts";
import {
  always,
  bytes,
  defaulted,
  embedded,
  int32,
  list,
  pointer,
  string,
  strings,
  struct,
  text,
  timestamp,
} from "./fields.ts";
import { parseTimeMs } from "./instant.ts";
import { shortestCertificateSeconds } from "./limits.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, humanDuration, nameColumn } from "./printing.ts";
import type { Column, Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import { extraValues } from "./user-info.ts";
import { utf8Text } from "./utf8.ts";
import type { Errors } from "./validation/each.ts";
import { eachOf, noErrors } from "./validation/each.ts";
import { validateMetadata, validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule, pathSegment } from "./validation/names.ts";

const certificates = (name: string): string => `io.k8s.api.certificates.v1.${name}`;

const CertificateSigningRequestSpec = struct(
  certificates("CertificateSigningRequestSpec"),
  {
    request: always(bytes, ""),
    signerName: always(string, ""),
    expirationSeconds: pointer(int32),
    usages: strings,
    username: text,
    uid: text,
    groups: strings,
    extra: extraValues,
  },
  {
    about: "What is asked for, and by whom. Cannot be changed.",
    request: "The request, a PEM block of the type CERTIFICATE REQUEST.",
    signerName: "Who is to answer it: a domain and a path, such as example.com/signer.",
    expirationSeconds: "How long the certificate is wanted for. The signer may give another time.",
    usages: "What the certificate is to be good for.",
    username: "The user who asked, as the server knows them.",
    uid: "The uid of the user who asked.",
    groups: "The groups of the user who asked.",
    extra: "What else is known of the user who asked.",
  },
);

const CertificateSigningRequestCondition = struct(
  certificates("CertificateSigningRequestCondition"),
  {
    type: always(string, ""),
    status: defaulted(string, "True"),
    reason: text,
    message: text,
    lastUpdateTime: timestamp,
    lastTransitionTime: timestamp,
  },
  {
    about: "Something that was decided about a request.",
    type: "What was decided: Approved, Denied or Failed, or something else.",
    status: "Whether it is so. It is always True for Approved, Denied and Failed.",
    reason: "A short word for why.",
    message: "For people: why.",
    lastUpdateTime: "When this was last written.",
    lastTransitionTime: "When the status last became what it is.",
  },
);
type Condition = z.output<typeof CertificateSigningRequestCondition>;

const CertificateSigningRequestStatus = struct(
  certificates("CertificateSigningRequestStatus"),
  { conditions: list(CertificateSigningRequestCondition, { mapKeys: ["type"] }), certificate: pointer(bytes) },
  {
    about: "What became of the request.",
    conditions: "What was decided.",
    certificate: "The certificate, as PEM blocks of the type CERTIFICATE. Set by the signer, once.",
  },
);

const CertificateSigningRequest = struct(
  certificates("CertificateSigningRequest"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: embedded(CertificateSigningRequestSpec),
    status: embedded(CertificateSigningRequestStatus),
  },
  {
    about: "Asks a signer for a certificate. It waits for approval, and is forgotten some time after it was answered.",
    metadata: "Standard object metadata.",
    spec: "What is asked for.",
    status: "What became of it.",
  },
);
export type CertificateSigningRequest = z.output<typeof CertificateSigningRequest>;

const knownUsages: readonly string[] = [
  "any",
  "cert sign",
  "client auth",
  "code signing",
  "content commitment",
  "crl sign",
  "data encipherment",
  "decipher only",
  "digital signature",
  "email protection",
  "encipher only",
  "ipsec end system",
  "ipsec tunnel",
  "ipsec user",
  "key agreement",
  "key encipherment",
  "microsoft sgc",
  "netscape sgc",
  "ocsp signing",
  "s/mime",
  "server auth",
  "signing",
  "timestamping",
];

/** Decisions that are not taken back. */
const decisions: readonly string[] = ["Approved", "Denied", "Failed"];
const hourMs = 3_600_000;
const pendingMs = 24 * hourMs;
const decidedMs = hourMs;

export function conditionOf({ status }: CertificateSigningRequest, type: string): Condition | undefined {
  return (status.conditions ?? []).find((condition) => condition.type === type && condition.status === "True");
}

/** When a request is forgotten: a day after it was made, an hour after something was decided about it. */
export function requestExpiryMs(request: CertificateSigningRequest): number {
  const decided = decisions.flatMap((type) => parseTimeMs(conditionOf(request, type)?.lastUpdateTime) ?? []);
  if (decided.length > 0) return Math.min(...decided) + decidedMs;
  return (parseTimeMs(request.metadata.creationTimestamp) ?? 0) + pendingMs;
}

/** The PEM text of a request. */
export function requestText({ spec }: CertificateSigningRequest): string {
  return utf8Text(decodeBase64(spec.request)) ?? "";
}

function validateSpec(request: CertificateSigningRequest): Errors {
  const { signerName, usages, expirationSeconds } = request.spec;
  const parsed = parseCertificateRequest(requestText(request));
  const isShort = expirationSeconds !== undefined && expirationSeconds < shortestCertificateSeconds;
  const seen = new Set<string>();
  return [
    ...(parsed.ok ? noErrors : [invalidBytes("spec.request", request.spec.request, parsed.problem)]),
    ...(usages === undefined ? [required("spec.usages")] : noErrors),
    ...eachOf(usages, "spec.usages", (usage, path) => {
      const isRepeated = seen.has(usage);
      seen.add(usage);
      return [
        ...(knownUsages.includes(usage) ? noErrors : [notSupported(path, usage, knownUsages)]),
        ...(isRepeated ? [duplicate(path, usage)] : noErrors),
      ];
    }),
    ...(signerName === "kubernetes.io/legacy-unknown"
      ? [invalid("spec.signerName", signerName, "the legacy signerName is not allowed via this API version")]
      : validateSignerName(signerName)),
    ...(isShort
      ? [
          invalid(
            "spec.expirationSeconds",
            expirationSeconds,
            "may not specify a duration less than 600 seconds (10 minutes)",
          ),
        ]
      : noErrors),
  ];
}

/** Bytes as Go prints them. */
function invalidBytes(field: string, encoded: string, problem: string): FieldError {
  const shown = decodeBase64(encoded).map((byte) => `0x${byte.toString(16)}`);
  const value = `[]byte{${shown.join(", ")}}`;
  return { type: "FieldValueInvalid", field, body: `Invalid value: ${value}: ${problem}` };
}

function validateSignerName(name: string): Errors {
  const field = "spec.signerName";
  if (name === "") return [required(field)];
  const [domain = "", path = "", ...more] = name.split("/");
  if (path === "" || more.length > 0) {
    const form = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    return [invalid(field, name, form)];
  }
  return [
    ...dns1123Subdomain(domain).map((problem) =>
      invalid(field, domain, `validating label ${JSON.stringify(domain)}: ${problem}`),
    ),
    ...(domain.includes(".")
      ? noErrors
      : [invalid(field, domain, "should be a domain with at least two segments separated by dots")]),
    ...dns1123Subdomain(path).map((problem) =>
      invalid(field, path, `validating label ${JSON.stringify(path)}: ${problem}`),
    ),
  ];
}

function validateStatus(request: CertificateSigningRequest): Errors {
  const { conditions, certificate } = request.status;
  const isBoth = conditionOf(request, "Approved") !== undefined && conditionOf(request, "Denied") !== undefined;
  return [
    ...eachOf(conditions, "status.conditions", ({ type, status }, path) => [
      ...(type === "" ? [required(`${path}.type`)] : noErrors),
      ...(decisions.includes(type) && status !== "True"
        ? [notSupported(`${path}.status`, status, ["True"])]
        : noErrors),
      ...(["True", "False", "Unknown"].includes(status)
        ? noErrors
        : [notSupported(`${path}.status`, status, ["False", "True", "Unknown"])]),
    ]),
    ...(isBoth
      ? [invalid("status.conditions", "Denied", "Approved and Denied conditions are mutually exclusive")]
      : noErrors),
    ...validateCertificate(certificate),
  ];
}

function validateCertificate(certificate: string | undefined): Errors {
  if (certificate === undefined || certificate === "") return noErrors;
  const pem = utf8Text(decodeBase64(certificate)) ?? "";
  const types = [...pem.matchAll(/-----BEGIN ([^-]*)-----/g)].map(([, type]) => type);
  const field = "status.certificate";
  if (types.length === 0)
    return [invalid(field, "<certificate data>", "must contain at least one CERTIFICATE PEM block")];
  const other = types.find((type) => type !== "CERTIFICATE");
  if (other === undefined) return noErrors;
  return [
    invalid(field, "<certificate data>", `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(other)}`),
  ];
}

function validateWhole(request: CertificateSigningRequest): Errors {
  const rule = { namespaced: false, name: pathSegment };
  return [...validateMetadata(request.metadata, rule), ...validateSpec(request), ...validateStatus(request)];
}

/** What was decided stays; a write to `/approval` decides, one to `/status` does not. */
function validateDecisions(
  request: CertificateSigningRequest,
  old: CertificateSigningRequest,
  added: readonly string[],
) {
  const path = "status.conditions";
  return decisions.flatMap((type): Errors => {
    const [was, is] = [conditionOf(old, type) !== undefined, conditionOf(request, type) !== undefined];
    if (was === is) return noErrors;
    if (was) return [forbidden(path, `updates may not remove a condition of type ${JSON.stringify(type)}`)];
    return added.includes(type)
      ? noErrors
      : [forbidden(path, `updates may not add a condition of type ${JSON.stringify(type)}`)];
  });
}

function validateCertificateUpdate({ status }: CertificateSigningRequest, old: CertificateSigningRequest): Errors {
  const was = old.status.certificate ?? "";
  if (was === "" || was === status.certificate) return noErrors;
  return [forbidden("status.certificate", "updates may not modify existing certificate content")];
}

type State = Pick<CertificateSigningRequest, "status">;

function stateText(request: CertificateSigningRequest): string {
  const decided = conditionOf(request, "Denied") ? "Denied" : conditionOf(request, "Approved") ? "Approved" : "Pending";
  const failed = conditionOf(request, "Failed") === undefined ? "" : ",Failed";
  return `${decided}${failed}${isIssued(request) ? ",Issued" : ""}`;
}

function isIssued({ status }: State): boolean {
  return (status.certificate ?? "") !== "";
}

function seconds(given: number | undefined): string {
  return given === undefined ? "<none>" : humanDuration(given * 1000);
}

const columns: readonly Column<CertificateSigningRequest>[] = [
  nameColumn,
  ageColumn,
  { name: "SignerName", type: "string", description: "Who is to answer it.", cell: ({ spec }) => spec.signerName },
  { name: "Requestor", type: "string", description: "The user who asked.", cell: ({ spec }) => spec.username ?? "" },
  {
    name: "RequestedDuration",
    type: "string",
    description: "How long the certificate is wanted for.",
    cell: ({ spec }) => seconds(spec.expirationSeconds),
  },
  { name: "Condition", type: "string", description: "What was decided.", cell: stateText },
];

export const certificateSigningRequests: Resource<CertificateSigningRequest> =
  defineResource<CertificateSigningRequest>({
    group: "certificates.k8s.io",
    version: "v1",
    kind: "CertificateSigningRequest",
    plural: "certificatesigningrequests",
    shortNames: ["csr"],
    support: actedOn(
      "also `/approval`; machines join by them where a JoinToken says so, for other signers somebody has to sign",
    ),
    namespaced: false,
    statusSubresource: true,
    schema: CertificateSigningRequest,
    validateName: nameRule(pathSegment),
    prepareForCreate: (request) => ({ ...request, status: {} }),
    prepareForUpdate: (request, old) => ({ ...request, spec: old.spec, status: old.status }),
    prepareForStatusUpdate: (request, old) => ({ ...old, status: request.status }),
    validate: validateWhole,
    validateUpdate: (request, old) => validateMetadataUpdate(request.metadata, old.metadata),
    validateStatusUpdate: (request, old) => [
      ...validateStatus(request),
      ...validateDecisions(request, old, ["Failed"]),
      ...validateCertificateUpdate(request, old),
    ],
    parts: {
      approval: {
        // Nothing but what is decided.
        prepare: (request, old) => ({ ...old, status: { ...old.status, conditions: request.status.conditions } }),
        validate: (request, old) => [
          ...validateStatus(request),
          ...validateDecisions(request, old, ["Approved", "Denied"]),
        ],
      },
    },
    selectableFields: ({ spec }) => ({ "spec.signerName": spec.signerName }),
    columns,
  });
