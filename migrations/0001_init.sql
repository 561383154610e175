-- What the control plane remembers. Every write is one batch: the guarded row and its row in the log.

-- The change log. `seq` is the cluster's resourceVersion. It is never empty, so that it always knows the last one.
CREATE TABLE log (
  seq INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  type TEXT NOT NULL CHECK (type IN ('BEGIN', 'ADDED', 'MODIFIED', 'DELETED')),
  resource TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  uid TEXT NOT NULL,
  -- Which node the change concerns, as a number; -1 for none.
  bucket INTEGER NOT NULL DEFAULT -1,
  -- Who wrote it, where the writer wants to pass over its own writes.
  origin TEXT NOT NULL DEFAULT '',
  -- The object after the change; for DELETED the last one. Pods are kept in their stored form.
  body TEXT NOT NULL,
  -- Labels and selectable fields before the change, if it changed them.
  previous TEXT
);
INSERT INTO log (seq, at_ms, type, resource, namespace, name, uid, body) VALUES (1, 0, 'BEGIN', '', '', '', '', '{}');

-- Every object but pods. `resource` is the plural with its group ("daemonsets.apps").
CREATE TABLE objects (
  resource TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  uid TEXT NOT NULL,
  rv INTEGER NOT NULL,
  body TEXT NOT NULL,
  -- Nodes only: the bucket of the name.
  bucket INTEGER,
  -- Events and JoinTokens: when they are forgotten.
  expires_ms INTEGER,
  PRIMARY KEY (resource, namespace, name)
);
CREATE INDEX objects_by_bucket ON objects (bucket) WHERE bucket IS NOT NULL;
CREATE INDEX objects_by_expiry ON objects (expires_ms) WHERE expires_ms IS NOT NULL;

-- What pods share with their siblings, stored once: metadata and spec. `id` is a digest of `body`.
CREATE TABLE pod_templates (
  id TEXT NOT NULL PRIMARY KEY,
  body TEXT NOT NULL
);

CREATE TABLE pods (
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  uid TEXT NOT NULL,
  rv INTEGER NOT NULL,
  template TEXT NOT NULL,
  -- Empty and -1 while the pod is bound to no node.
  node TEXT NOT NULL,
  bucket INTEGER NOT NULL,
  -- The controller's uid.
  owner_uid TEXT,
  -- Tells apart the pods of one owner on one node.
  slot INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  deletion_ms INTEGER,
  grace_seconds INTEGER,
  has_finalizers INTEGER NOT NULL,
  phase TEXT NOT NULL,
  -- The number of the last report taken from the agent.
  observation INTEGER NOT NULL,
  -- Null: nothing was reported yet.
  status TEXT,
  previous TEXT,
  PRIMARY KEY (namespace, name)
);
-- One daemon pod per DaemonSet, node and slot; also finds the pods of a node and of a range of nodes.
CREATE UNIQUE INDEX pods_by_node ON pods (bucket, node, owner_uid, slot);

-- Finds what an owner owns. A row too many is harmless, for the object itself is asked.
CREATE TABLE owner_references (
  owner_uid TEXT NOT NULL,
  resource TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (owner_uid, resource, namespace, name)
) WITHOUT ROWID;

-- Bearer tokens, by their public part. Only digests are kept.
CREATE TABLE tokens (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('user', 'join')),
  digest TEXT NOT NULL,
  -- The user's name, or the name of the JoinToken.
  subject TEXT NOT NULL,
  -- The uid of the JoinToken; null for a user's.
  uid TEXT,
  expires_ms INTEGER
) WITHOUT ROWID;

CREATE TABLE node_credentials (
  node TEXT NOT NULL PRIMARY KEY,
  digest TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  -- What the join token set: labels and taints for the Node object.
  grant_body TEXT NOT NULL
) WITHOUT ROWID;
