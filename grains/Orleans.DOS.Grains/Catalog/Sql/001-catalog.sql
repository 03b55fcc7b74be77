-- oldest-release: 0.1.0
-- Orleans.DOS catalog, version 1. One text for PostgreSQL and SQLite; words in braces are replaced by the dialect (see Dialects.cs):
-- {bytes} the type of bytes, {id} the type of a numeric primary key, {ccollate} bytewise order, {clustered} a table kept in its key's
-- order where the database knows that, {transaction} the number of the running transaction.
-- Instants are microseconds since 1970-01-01 UTC. JSON is text. Nothing here is keyed by a path.

CREATE TABLE dos_cluster (
  one {id} PRIMARY KEY CHECK (one = 1),
  cluster_id TEXT NOT NULL,
  replicas_default BIGINT NOT NULL,
  replicas_min BIGINT NOT NULL,
  created_at BIGINT NOT NULL);

-- Hands out numbers in blocks; a number is never given twice, gaps are harmless.
CREATE TABLE dos_counters (name TEXT NOT NULL PRIMARY KEY, next BIGINT NOT NULL);
INSERT INTO dos_counters(name, next) VALUES ('inode', 1000), ('pid', 100), ('segment', 1), ('job', 1), ('incarnation', 1), ('change', 1);

CREATE TABLE dos_machines (
  machine_id {id} PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  root_inode BIGINT NOT NULL,
  limits TEXT NOT NULL,
  created_at BIGINT NOT NULL);
INSERT INTO dos_machines VALUES (1, 'main', 1, '{}', 0);

CREATE TABLE dos_credentials (
  token_hash TEXT NOT NULL PRIMARY KEY,           -- lower-case hex of SHA-256
  principal TEXT NOT NULL, user_id BIGINT NOT NULL, group_id BIGINT NOT NULL,
  kind BIGINT NOT NULL,                  -- 1 user, 2 node
  created_at BIGINT NOT NULL, expires_at BIGINT NULL);

CREATE TABLE dos_nodes (
  node_id TEXT NOT NULL PRIMARY KEY, disk_id TEXT NOT NULL, incarnation BIGINT NOT NULL,
  silo TEXT NULL, url TEXT NULL, labels TEXT NOT NULL, release TEXT NOT NULL,
  forgotten BIGINT NOT NULL DEFAULT 0, started_at BIGINT NOT NULL);

-- The only home of an object's epoch (design: Ownership and epochs). predecessors: JSON list of {node, incarnation, epoch} not yet dropped.
CREATE TABLE dos_owners (
  object TEXT NOT NULL PRIMARY KEY, epoch BIGINT NOT NULL, node_id TEXT NOT NULL, incarnation BIGINT NOT NULL, predecessors TEXT NOT NULL) {clustered};

CREATE TABLE dos_inodes (
  inode_id {id} PRIMARY KEY, machine_id BIGINT NOT NULL, kind BIGINT NOT NULL,
  mode BIGINT NOT NULL, uid BIGINT NOT NULL, gid BIGINT NOT NULL, nlink BIGINT NOT NULL,
  size BIGINT NOT NULL, atime BIGINT NOT NULL, mtime BIGINT NOT NULL, ctime BIGINT NOT NULL, btime BIGINT NOT NULL,
  replicas BIGINT NOT NULL,
  content {bytes} NULL,                  -- whole content while inline; NULL once segments hold it
  target TEXT NULL,                      -- of a symbolic link
  parent_id BIGINT NULL,                 -- of a directory: for "..", and for the walk that refuses a cycle
  writer TEXT NULL,                      -- last writer (principal), for who-wrote
  version BIGINT NOT NULL,
  open_epoch BIGINT NOT NULL DEFAULT 0,  -- of the owner that may know newer content than this row; 0 when the row and its extents are the truth
  checkpoint_segment BIGINT NULL,        -- frames up to here are in the extents
  checkpoint_offset BIGINT NULL,
  recent {bytes} NULL);                  -- the newest request ids of writes with their answers, as of the checkpoint
INSERT INTO dos_inodes(inode_id, machine_id, kind, mode, uid, gid, nlink, size, atime, mtime, ctime, btime, replicas, parent_id, version)
  VALUES (1, 1, 2, 493, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 1);

CREATE TABLE dos_entries (
  parent_id BIGINT NOT NULL, name TEXT {ccollate} NOT NULL, inode_id BIGINT NOT NULL,
  PRIMARY KEY (parent_id, name)) {clustered};
CREATE INDEX dos_entries_inode ON dos_entries(inode_id);

CREATE TABLE dos_segments (
  segment_id {id} PRIMARY KEY, object TEXT NOT NULL, epoch BIGINT NOT NULL,
  state BIGINT NOT NULL,                 -- 1 open, 2 sealed, 3 deleting
  length BIGINT NOT NULL,                -- of a sealed segment: bytes of its log
  replicas_wanted BIGINT NOT NULL,
  created_at BIGINT NOT NULL, deleted_at BIGINT NULL);
CREATE INDEX dos_segments_object ON dos_segments(object);
CREATE TABLE dos_segment_replicas (
  segment_id BIGINT NOT NULL, disk_id TEXT NOT NULL, node_id TEXT NOT NULL,
  state BIGINT NOT NULL,                 -- 1 good, 2 lost
  PRIMARY KEY (segment_id, disk_id)) {clustered};
CREATE INDEX dos_segment_replicas_node ON dos_segment_replicas(node_id);

-- File range -> segment range. Frames of one extent all have frame_payload bytes of payload, the last one at most that many,
-- so that the place of any byte in the segment's log can be computed.
CREATE TABLE dos_extents (
  inode_id BIGINT NOT NULL, position BIGINT NOT NULL, length BIGINT NOT NULL,
  segment_id BIGINT NOT NULL, segment_offset BIGINT NOT NULL, frame_payload BIGINT NOT NULL,
  payload_skip BIGINT NOT NULL DEFAULT 0, -- bytes of the first frame's payload that belong to an overwritten part
  PRIMARY KEY (inode_id, position)) {clustered};
CREATE INDEX dos_extents_segment ON dos_extents(segment_id);

CREATE TABLE dos_processes (
  pid {id} PRIMARY KEY, machine_id BIGINT NOT NULL, incarnation BIGINT NOT NULL,
  state BIGINT NOT NULL, exit_code BIGINT NULL, reason TEXT NULL,
  node_id TEXT NULL, node_incarnation BIGINT NULL,
  program TEXT NOT NULL, spec {bytes} NOT NULL, owner TEXT NOT NULL, uid BIGINT NOT NULL, gid BIGINT NOT NULL,
  restart BIGINT NOT NULL, restarts BIGINT NOT NULL,
  asked_to_end BIGINT NULL,     -- the signal by which somebody asked for its end: it is not started again
  parent_pid BIGINT NULL,
  created_at BIGINT NOT NULL, started_at BIGINT NULL, ended_at BIGINT NULL);
CREATE INDEX dos_processes_machine ON dos_processes(machine_id, created_at, pid);
-- By state first, so that what lives is found without reading all that has ended.
CREATE INDEX dos_processes_node ON dos_processes(state, node_id, node_incarnation, started_at);
CREATE INDEX dos_processes_ended ON dos_processes(ended_at);

CREATE TABLE dos_jobs (
  job_id {id} PRIMARY KEY, machine_id BIGINT NOT NULL, state BIGINT NOT NULL, reason TEXT NULL,
  program TEXT NOT NULL, spec {bytes} NOT NULL, plan {bytes} NULL,
  owner TEXT NOT NULL, uid BIGINT NOT NULL, gid BIGINT NOT NULL, output TEXT NOT NULL,
  retried BIGINT NOT NULL DEFAULT 0,     -- runs begun again, and
  running BIGINT NOT NULL DEFAULT 0,     -- runs under way, as of the last journal entry: a next coordinator begins these again
  created_at BIGINT NOT NULL, ended_at BIGINT NULL);
CREATE INDEX dos_jobs_state ON dos_jobs(state, job_id);
CREATE INDEX dos_jobs_machine ON dos_jobs(machine_id, created_at, job_id);
-- The journal of a job: a task's row is written when its first result is accepted; replaced only by a later attempt, when a map output was lost.
CREATE TABLE dos_job_tasks (
  job_id BIGINT NOT NULL, task BIGINT NOT NULL, attempt BIGINT NOT NULL, kind BIGINT NOT NULL,
  node_id TEXT NOT NULL, report {bytes} NOT NULL, done_at BIGINT NOT NULL,
  PRIMARY KEY (job_id, task));

CREATE TABLE dos_requests (
  machine_id BIGINT NOT NULL, sender BIGINT NOT NULL, number BIGINT NOT NULL,
  hash BIGINT NOT NULL, answer {bytes} NULL, expires_at BIGINT NOT NULL,
  PRIMARY KEY (machine_id, sender, number));
CREATE INDEX dos_requests_expiry ON dos_requests(expires_at);

-- One row for each change of metadata, for watch: read only up to the safe horizon (no open transaction below it).
CREATE TABLE dos_changes (
  change_id BIGINT NOT NULL, machine_id BIGINT NOT NULL, parent_id BIGINT NOT NULL, name TEXT NOT NULL,
  inode_id BIGINT NOT NULL, kind BIGINT NOT NULL, at BIGINT NOT NULL, transaction_id BIGINT NOT NULL DEFAULT {transaction},
  PRIMARY KEY (change_id));
