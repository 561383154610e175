// The tables, for drizzle; migrations/ makes them, and a test holds the two together.
import { eq, isNotNull, sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

export const log = sqliteTable("log", {
  seq: integer("seq").primaryKey(),
  atMs: integer("at_ms").notNull(),
  type: text("type", { enum: ["BEGIN", "ADDED", "MODIFIED", "DELETED"] }).notNull(),
  resource: text("resource").notNull(),
  namespace: text("namespace").notNull(),
  name: text("name").notNull(),
  uid: text("uid").notNull(),
  bucket: integer("bucket").notNull().default(-1),
  origin: text("origin").notNull().default(""),
  body: text("body").notNull(),
  previous: text("previous"),
});

export const objects = sqliteTable(
  "objects",
  {
    resource: text("resource").notNull(),
    namespace: text("namespace").notNull(),
    name: text("name").notNull(),
    uid: text("uid").notNull(),
    rv: integer("rv").notNull(),
    body: text("body").notNull(),
    bucket: integer("bucket"),
    expiresMs: integer("expires_ms"),
  },
  (table) => [
    primaryKey({ columns: [table.resource, table.namespace, table.name] }),
    index("objects_by_bucket").on(table.bucket).where(isNotNull(table.bucket)),
    index("objects_by_expiry").on(table.expiresMs).where(isNotNull(table.expiresMs)),
    uniqueIndex("services_by_address")
      .on(sql`${table.body}->>'$.spec.clusterIP'`)
      .where(sql`${table.resource} = 'services' AND ${table.body}->>'$.spec.clusterIP' <> 'None'`),
  ],
);

export const podTemplates = sqliteTable(
  "pod_templates",
  {
    id: text("id").notNull().primaryKey(),
    body: text("body").notNull(),
  },
  (table) => [
    index("pod_templates_keeping_away")
      .on(table.id)
      .where(
        isNotNull(sql`${table.body}->'$.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution'`),
      ),
  ],
);

export const pods = sqliteTable(
  "pods",
  {
    namespace: text("namespace").notNull(),
    name: text("name").notNull(),
    uid: text("uid").notNull(),
    rv: integer("rv").notNull(),
    template: text("template").notNull(),
    node: text("node").notNull(),
    bucket: integer("bucket").notNull(),
    ownerUid: text("owner_uid"),
    slot: integer("slot").notNull(),
    createdMs: integer("created_ms").notNull(),
    deletionMs: integer("deletion_ms"),
    graceSeconds: integer("grace_seconds"),
    hasFinalizers: integer("has_finalizers").notNull(),
    phase: text("phase").notNull(),
    observation: integer("observation").notNull(),
    status: text("status"),
    previous: text("previous"),
  },
  (table) => [
    primaryKey({ columns: [table.namespace, table.name] }),
    uniqueIndex("pods_by_node").on(table.bucket, table.node, table.ownerUid, table.slot),
    index("pods_unscheduled").on(table.observation).where(eq(table.observation, -2)),
  ],
);

export const ownerReferences = sqliteTable(
  "owner_references",
  {
    ownerUid: text("owner_uid").notNull(),
    resource: text("resource").notNull(),
    namespace: text("namespace").notNull(),
    name: text("name").notNull(),
  },
  (table) => [primaryKey({ columns: [table.ownerUid, table.resource, table.namespace, table.name] })],
);

export const objectReaders = sqliteTable(
  "object_readers",
  {
    resource: text("resource").notNull(),
    namespace: text("namespace").notNull(),
    name: text("name").notNull(),
    shard: integer("shard").notNull(),
  },
  (table) => [primaryKey({ columns: [table.resource, table.namespace, table.name, table.shard] })],
);

export const tokens = sqliteTable("tokens", {
  id: text("id").notNull().primaryKey(),
  kind: text("kind", { enum: ["user", "join"] }).notNull(),
  digest: text("digest").notNull(),
  subject: text("subject").notNull(),
  uid: text("uid"),
  expiresMs: integer("expires_ms"),
  groups: text("user_groups", { mode: "json" }).$type<readonly string[]>(),
});

export const signingKeys = sqliteTable("signing_keys", {
  id: text("id").notNull().primaryKey(),
  sealer: text("sealer").notNull().unique(),
  publicKey: text("public_key").notNull(),
  sealedPrivateKey: text("sealed_private_key").notNull(),
  createdMs: integer("created_ms").notNull(),
});

export const nodeCredentials = sqliteTable("node_credentials", {
  node: text("node").notNull().primaryKey(),
  digest: text("digest").notNull(),
  createdMs: integer("created_ms").notNull(),
  grant: text("grant_body").notNull(),
});
