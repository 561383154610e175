-- Which shards of the nodes hold pods that name a ConfigMap or Secret, or act as a ServiceAccount, so that a change of one
-- wakes these and no others. A row too many is harmless: the shard looks, and finds nothing to tell.
CREATE TABLE object_readers (
  resource TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  shard INTEGER NOT NULL,
  PRIMARY KEY (resource, namespace, name, shard)
) WITHOUT ROWID;
