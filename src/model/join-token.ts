// JoinTokens: what a machine shows to become a node. The token itself is told once, in the answer to its creation.

import type * as z from "zod";
import { invalid, invalidForEach, notSupported } from "./field-error.ts";
import {
  always,
  defaultedPointer,
  embedded,
  flag,
  int32,
  list,
  pointer,
  stringMap,
  strings,
  struct,
  text,
  time,
} from "./fields.ts";
import { parseTimeMs } from "./instant.ts";
import { joinTokenSeconds } from "./limits.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, humanDuration, nameColumn } from "./printing.ts";
import type { Column, Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import { Taint } from "./taint.ts";
import type { Errors } from "./validation/each.ts";
import { eachOf, noErrors } from "./validation/each.ts";
import {
  validateImmutable,
  validateLabels,
  validateMetadata,
  validateMetadataUpdate,
  validateNotNegative,
} from "./validation/metadata.ts";
import { asPrefix, dns1123Subdomain, nameRule, rangeText } from "./validation/names.ts";
import { validateTaints } from "./validation/scheduling.ts";

const lares = (name: string): string => `dev.lares.v1alpha1.${name}`;
const hourSeconds = 3600;
const approvalRequired = "Required";

const JoinTokenSpec = struct(
  lares("JoinTokenSpec"),
  {
    /** From creation on. */
    expirationSeconds: defaultedPointer(int32, hourSeconds),
    /** How many machines may join with it; 0: any number. */
    maxUses: defaultedPointer(int32, 1),
    /** Names that nodes may take: exact ones, or beginnings followed by `*`. Absent: any. */
    nodeNames: strings,
    /** True: a machine may take the name of a node that has joined before, which then is shut out. */
    replace: flag,
    /** `Required`: each machine has to be let in by somebody. Absent: the token is enough. */
    approval: text,
    /** What nodes that join with it are given. */
    labels: stringMap,
    taints: list(Taint),
  },
  {
    about: "Which machines may join with a token, for how long, and what their Nodes are given.",
    expirationSeconds: "For how long after its creation it is good: an hour unless it says otherwise, a week at most.",
    maxUses: "How many machines may join with it; 0 is any number.",
    nodeNames: "The names that nodes may take: exact ones, or beginnings followed by a star. Absent: any.",
    replace: "Whether a machine may take the name of a node that has joined before, which is then shut out.",
    approval: "If it says Required, each machine makes a CertificateSigningRequest and joins once that is approved.",
    labels: "Labels for the Nodes that join with it.",
    taints: "Taints for the Nodes that join with it.",
  },
);
export type JoinTokenSpec = z.output<typeof JoinTokenSpec>;

const JoinTokenStatus = struct(
  lares("JoinTokenStatus"),
  {
    token: text,
    uses: always(int32, 0),
    expirationTimestamp: pointer(time),
  },
  {
    about: "What became of a token.",
    token: "The token itself. It is in the answer to the creation and never told again.",
    uses: "How many machines have joined with it.",
    expirationTimestamp: "Until when it is good.",
  },
);

export const JoinToken = struct(
  lares("JoinToken"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: embedded(JoinTokenSpec),
    status: embedded(JoinTokenStatus),
  },
  {
    about: "What a machine shows to become a node.",
    metadata: "Standard object metadata.",
    spec: "Which machines may join with it, for how long, and what their Nodes are given. Cannot be changed.",
    status: "What became of the token.",
  },
);
export type JoinToken = z.output<typeof JoinToken>;

/** Whether a machine that shows a token of this spec waits for somebody to let it in. */
export function needsApproval({ approval }: JoinTokenSpec): boolean {
  return approval === approvalRequired;
}

/** Whether a node of this name may join with a token of this spec. */
export function mayJoinAs({ nodeNames }: JoinTokenSpec, nodeName: string): boolean {
  if (nodeNames === undefined) return true;
  return nodeNames.some((pattern) =>
    pattern.endsWith("*") ? nodeName.startsWith(pattern.slice(0, -1)) : pattern === nodeName,
  );
}

function validateSpec({ expirationSeconds, maxUses, nodeNames, approval, labels, taints }: JoinTokenSpec): Errors {
  const lives = expirationSeconds >= 1 && expirationSeconds <= joinTokenSeconds;
  return [
    ...(lives ? [] : [invalid("spec.expirationSeconds", expirationSeconds, rangeText(1, joinTokenSeconds))]),
    ...validateNotNegative(maxUses, "spec.maxUses"),
    ...eachOf(nodeNames, "spec.nodeNames", validatePattern),
    ...(approval === undefined || approval === approvalRequired
      ? noErrors
      : [notSupported("spec.approval", approval, [approvalRequired])]),
    ...validateLabels(labels, "spec.labels"),
    ...validateTaints(taints, "spec.taints"),
  ];
}

function validatePattern(pattern: string, path: string): Errors {
  const beginning = pattern.endsWith("*") ? pattern.slice(0, -1) : pattern;
  if (pattern === "*") return noErrors;
  return invalidForEach(path, pattern, (beginning === pattern ? dns1123Subdomain : asBeginning)(beginning));
}

/** What comes before a star may end in a dash or a dot. */
function asBeginning(beginning: string): readonly string[] {
  return asPrefix(dns1123Subdomain)(beginning.endsWith(".") ? `${beginning}a` : beginning);
}

function untilExpiry({ status }: JoinToken, nowMs: number): string {
  const atMs = parseTimeMs(status.expirationTimestamp);
  if (atMs === null) return "<unknown>";
  return atMs <= nowMs ? "expired" : humanDuration(atMs - nowMs);
}

const columns: readonly Column<JoinToken>[] = [
  nameColumn,
  {
    name: "Uses",
    type: "string",
    description: "How many machines joined with it, of how many that may.",
    cell: ({ spec, status }) => `${status.uses}/${spec.maxUses === 0 ? "unlimited" : spec.maxUses}`,
  },
  { name: "Expires", type: "string", description: "How long it is still good.", cell: untilExpiry },
  ageColumn,
];

export const joinTokens: Resource<JoinToken> = defineResource<JoinToken>({
  group: "lares.dev",
  version: "v1alpha1",
  kind: "JoinToken",
  plural: "jointokens",
  support: actedOn("how machines become nodes"),
  namespaced: false,
  schema: JoinToken,
  validateName: nameRule(dns1123Subdomain),
  // The token and the time of its expiry are the server's to add.
  prepareForCreate: (token) => ({ ...token, status: { uses: 0 } }),
  prepareForUpdate: (token, old) => ({ ...token, status: old.status }),
  validate: ({ metadata, spec }) => [
    ...validateMetadata(metadata, { namespaced: false, name: dns1123Subdomain }),
    ...validateSpec(spec),
  ],
  // A token that machines hold already does not come to mean something else.
  validateUpdate: (token, old) => [
    ...validateMetadataUpdate(token.metadata, old.metadata),
    ...validateImmutable(token.spec, old.spec, "spec"),
  ],
  columns,
});
