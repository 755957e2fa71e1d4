PRAGMA application_id = 1718051700;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE blocked_queues (
    name TEXT PRIMARY KEY,
    until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE blocked_tasks (
    queue INTEGER NOT NULL,
    task_id TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (queue, task_id)
) WITHOUT ROWID;
INSERT INTO "blocked_tasks" VALUES(1,'gone',1893542400000000);
INSERT INTO "blocked_tasks" VALUES(2,'gone',1893542400000000);
CREATE TABLE forced (
    id INTEGER PRIMARY KEY,
    task INTEGER NOT NULL
);
CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id_key INTEGER NOT NULL,
    next_number INTEGER NOT NULL
);
INSERT INTO "meta" VALUES(1,205021216251418412,7);
CREATE TABLE operations (name TEXT PRIMARY KEY, done_at INTEGER NOT NULL, message BLOB NOT NULL);
CREATE TABLE queues (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    max_dispatches_per_second REAL NOT NULL,
    max_concurrent_dispatches INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    max_retry_duration_ns INTEGER NOT NULL,
    min_backoff_ns INTEGER NOT NULL,
    max_backoff_ns INTEGER NOT NULL,
    max_doublings INTEGER NOT NULL,
    sampling_ratio REAL NOT NULL,
    purged_at INTEGER
);
INSERT INTO "queues" VALUES(1,'projects/p/locations/l/queues/first','PAUSED',500.0,1000,100,0,100000000,3600000000000,16,0.0,NULL);
INSERT INTO "queues" VALUES(2,'projects/p/locations/l/queues/second','PAUSED',500.0,1000,100,0,100000000,3600000000000,16,0.0,NULL);
CREATE TABLE signing_keys (one INTEGER PRIMARY KEY CHECK (one = 1), pem TEXT NOT NULL);
CREATE TABLE tasks (
    id INTEGER PRIMARY KEY,
    queue INTEGER NOT NULL,
    task_id TEXT,
    scheduled_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    method TEXT NOT NULL,
    url TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    token TEXT,
    deadline_us INTEGER NOT NULL,
    retry TEXT,
    dispatch_count INTEGER NOT NULL DEFAULT 0,
    response_count INTEGER NOT NULL DEFAULT 0,
    first_dispatched_at INTEGER,
    attempt_scheduled_at INTEGER,
    attempt_dispatched_at INTEGER,
    attempt_responded_at INTEGER,
    attempt_status INTEGER
);
INSERT INTO "tasks" VALUES(1,1,'named',1893459600000000,1893456000000000,'POST','http://app.local/','{"User-Agent":"Google-Cloud-Tasks"}',X'',NULL,600000000,NULL,0,0,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "tasks" VALUES(3,1,NULL,1893459600000000,1893456000000000,'POST','http://app.local/','{"User-Agent":"Google-Cloud-Tasks"}',X'',NULL,600000000,NULL,0,0,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "tasks" VALUES(4,2,'named',1893459600000000,1893456000000000,'POST','http://app.local/','{"User-Agent":"Google-Cloud-Tasks"}',X'',NULL,600000000,NULL,0,0,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "tasks" VALUES(6,2,NULL,1893459600000000,1893456000000000,'POST','http://app.local/','{"User-Agent":"Google-Cloud-Tasks"}',X'',NULL,600000000,NULL,0,0,NULL,NULL,NULL,NULL,NULL);
CREATE INDEX tasks_due ON tasks (queue, scheduled_at);
CREATE UNIQUE INDEX tasks_named ON tasks (queue, task_id) WHERE task_id IS NOT NULL;
CREATE INDEX blocked_tasks_until ON blocked_tasks (until);
CREATE INDEX operations_done ON operations (done_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('queues',2);
COMMIT;
