-- Who people are beyond administrators, and what service account tokens are signed with.

-- A JSON list of groups. Null: the user is an administrator.
ALTER TABLE tokens ADD COLUMN user_groups TEXT;

-- Keys that sign service account tokens. The newest of a sealer signs, all are good for checking.
CREATE TABLE signing_keys (
  id TEXT NOT NULL PRIMARY KEY,
  -- Names the secret that the private key is sealed with; nobody can open it without that.
  sealer TEXT NOT NULL UNIQUE,
  public_key TEXT NOT NULL,
  sealed_private_key TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) WITHOUT ROWID;
