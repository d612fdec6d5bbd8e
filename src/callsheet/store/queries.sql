-- Every statement of the store, by name: `-- name: what it is for`. Parameters are `:named`, times
-- are Unix seconds, JSON is ASCII text, so that one text serves SQLite and PostgreSQL.

-- create_meta: the version of this layout
create table if not exists callsheet_meta (name text primary key, value text not null)

-- create_runs: one line for each run
create table if not exists runs (run text primary key, workflow text not null, started double precision not null)

-- create_events: the facts, in order; the key refuses a second fact with the same number
create table if not exists events (run text not null, seq int not null, kind text not null, body text not null, at double precision not null, primary key (run, seq))

-- create_leases: who may append to a run
create table if not exists leases (run text primary key, owner text not null, epoch int not null, heartbeat double precision not null)

-- create_files: the workflow's files as kept with runs, by content hash
create table if not exists files (hash text primary key, content text not null)

-- create_kept: which run keeps which file
create table if not exists kept (run text not null, hash text not null, primary key (run, hash))

-- create_workers: who carries runs on, and when it was last heard of
create table if not exists workers (name text primary key, concurrency int not null, started double precision not null, heartbeat double precision not null)

-- create_handed: the runs that workers are to carry on, and by which queue
create table if not exists handed (run text primary key, queue text not null, since double precision not null)

-- create_paces: the calls of the last minute to each provider and key, where their number is bounded
create table if not exists paces (name text not null, at double precision not null, mark text not null, tokens int not null, primary key (name, at, mark))

-- create_index_runs: lists of runs are read newest first
create index if not exists runs_by_time on runs (started, run)

-- read_version: the layout's version
select value from callsheet_meta where name = 'version'

-- write_version: remember the layout's version
insert into callsheet_meta (name, value) values ('version', :version) on conflict (name) do update set value = excluded.value

-- insert_run: begin a run, unless there is one of this name
insert into runs (run, workflow, started) values (:run, :workflow, :at) on conflict (run) do nothing returning run

-- insert_lease: a new run is held by who begins it; here and in `hold`, the answer is the time of the facts
insert into leases (run, owner, epoch, heartbeat) values (:run, :owner, 1, :at) returning heartbeat

-- insert_event: one fact
insert into events (run, seq, kind, body, at) values (:run, :seq, :kind, :body, :recorded)

-- insert_file: keep a file
insert into files (hash, content) values (:hash, :content) on conflict (hash) do nothing

-- insert_kept: keep it for a run
insert into kept (run, hash) values (:run, :hash) on conflict (run, hash) do nothing

-- renew: lock, check and renew a lease in one statement
update leases set heartbeat = :at where run = :run and owner = :owner and epoch = :epoch returning epoch

-- hold: the same, if the run's last fact still has this number; with another `next` it is let go of
update leases set heartbeat = :at, owner = :next where run = :run and owner = :owner and epoch = :epoch and :after = (select max(seq) from events where run = :run) returning heartbeat

-- take: hold a run that is free, ours, left or held by the dead
update leases set owner = :owner, epoch = epoch + 1, heartbeat = :at where run = :run and (owner in ('', :owner, :dead) or (heartbeat < :at - :lease and :awake < :at - :lease)) returning epoch

-- release: let go of a run
update leases set owner = '' where run = :run and owner = :owner and epoch = :epoch returning epoch

-- holder: who holds a run
select owner, heartbeat from leases where run = :run

-- select_events: a run's facts behind a number
select seq, body, at from events where run = :run and seq > :after order by seq

-- select_spending: of the newest runs, what was asked for and what it took; a query of its own, for the other facts are the long ones
select e.run, e.seq, e.body, e.at from (select run, started from runs order by started desc, run desc limit :newest) r join events e on e.run = r.run where e.kind in ('run_started', 'run_resumed', 'run_retried', 'step_started', 'question_answered', 'call_replied') order by r.started desc, r.run desc, e.seq

-- select_file: a kept file
select content from files where hash = :hash

-- select_runs: the runs behind a place in the order, newest first, each with its last and first fact and its holder
select r.run, r.workflow, r.started, e.kind, case when e.kind = 'run_finished' then e.body else '' end, l.owner, l.heartbeat, e.seq, f.body, case when l.heartbeat < :at - :lease and :awake < :at - :lease then 1 else 0 end from runs r join events e on e.run = r.run and e.seq = (select max(seq) from events where run = r.run) join events f on f.run = r.run and f.seq = 1 join leases l on l.run = r.run where (r.started, r.run) < (:started, :run) order by r.started desc, r.run desc limit :limit

-- select_run: the same for one run
select r.run, r.workflow, r.started, e.kind, case when e.kind = 'run_finished' then e.body else '' end, l.owner, l.heartbeat, e.seq, f.body, case when l.heartbeat < :at - :lease and :awake < :at - :lease then 1 else 0 end from runs r join events e on e.run = r.run and e.seq = (select max(seq) from events where run = r.run) join events f on f.run = r.run and f.seq = 1 join leases l on l.run = r.run where r.run = :run

-- select_written: the same for the runs whose holder was heard of since
select r.run, r.workflow, r.started, e.kind, case when e.kind = 'run_finished' then e.body else '' end, l.owner, l.heartbeat, e.seq, f.body, case when l.heartbeat < :at - :lease and :awake < :at - :lease then 1 else 0 end from runs r join events e on e.run = r.run and e.seq = (select max(seq) from events where run = r.run) join events f on f.run = r.run and f.seq = 1 join leases l on l.run = r.run where l.heartbeat >= :since order by r.started desc, r.run desc

-- select_begun_with: the names that begin so
select run from runs where substr(run, 1, length(:beginning)) = :beginning order by started desc, run desc

-- run_exists: whether a run is kept
select 1 from runs where run = :run

-- forget_alone: before files are forgotten, nobody is about to keep one
select 'alone'

-- delete_events: forget a run's facts
delete from events where run = :run

-- delete_lease: forget who held it
delete from leases where run = :run

-- delete_kept: forget which files it kept
delete from kept where run = :run

-- delete_handed: nobody is to carry a run on any more
delete from handed where run = :run

-- delete_files: forget files that no run keeps
delete from files where hash not in (select hash from kept)

-- delete_run: forget the run
delete from runs where run = :run

-- version: which transactions there were, on a server; SQLite tells it otherwise
select pg_current_snapshot()

-- beat_worker: a worker says that it is alive
insert into workers (name, concurrency, started, heartbeat) values (:name, :concurrency, :at, :at) on conflict (name) do update set heartbeat = excluded.heartbeat

-- select_workers: the workers that were heard of lately, and those that could not be
select name, concurrency, started from workers where heartbeat >= :at - :silent or :awake >= :at - :silent order by started

-- leave_worker: a worker ends, or has long been dead
delete from workers where name = :name or heartbeat < :at - 20 * :silent

-- hand: a run is to be carried on by workers
insert into handed (run, queue, since) values (:run, :queue, :at) on conflict (run) do update set queue = excluded.queue, since = excluded.since

-- handed_at: whether it still is, and since when
select since from handed where run = :run

-- settle: it has been carried on, unless it was handed on anew since
delete from handed where run = :run and since = :since

-- enqueue: what the queue makes of it, in the same transaction; only on a server
select dbos.enqueue_workflow(:workflow, :queue, array[to_json(cast(:run as text))]::json[], workflow_id => :id, app_version => :version)

-- has_queue: whether a worker has ever laid out the queue's tables
select to_regclass('dbos.workflow_status')

-- unsafe_rows: work in the queue that is written in a form that could carry a program
select workflow_uuid from dbos.workflow_status where serialization = 'py_pickle' and status in ('ENQUEUED', 'PENDING', 'DELAYED') limit 3

-- sweep_alone: one sweeper at a time
select pg_try_advisory_xact_lock(:key)

-- sweep_dead: what silent workers had begun is put back into its queue
update dbos.workflow_status set status = 'ENQUEUED', owner_xid = null, started_at_epoch_ms = null where status = 'PENDING' and name = :workflow and :awake < :at - :silent and executor_id not in (select name from workers where heartbeat >= :at - :silent) returning workflow_uuid

-- sweep_own: what a worker that ends had begun is put back into its queue
update dbos.workflow_status set status = 'ENQUEUED', owner_xid = null, started_at_epoch_ms = null where status = 'PENDING' and name = :workflow and executor_id = :name returning workflow_uuid

-- sweep_orphans: runs in nobody's hands that no queue knows of any more
select h.run, h.queue, l.epoch from handed h join leases l on l.run = h.run where h.since < :at - :silent and :awake < :at - :silent and (l.owner = '' or l.heartbeat < :at - :lease) and not exists (select 1 from dbos.workflow_status w where w.name = :workflow and w.status in ('ENQUEUED', 'PENDING', 'DELAYED') and split_part(w.workflow_uuid, ':', 1) = h.run)

-- forget_carried: the queue forgets what has been carried on for an hour; the journal has it all
delete from dbos.workflow_status where name = :workflow and status not in ('ENQUEUED', 'PENDING', 'DELAYED') and updated_at < (:at - 3600) * 1000

-- server_version: which PostgreSQL answers
select current_setting('server_version')

-- pace_alone: one at a time counts the calls of a provider and key
insert into paces (name, at, mark, tokens) values (:name, 0, '', 0) on conflict (name, at, mark) do update set tokens = 0

-- pace_forget: what is older than a minute counts no more
delete from paces where name = :name and at > 0 and at <= :at - 60.0

-- pace_calls: the calls of the last minute, and the time
select at, tokens, :at from paces where name = :name and at > 0 order by at

-- pace_count: a call is about to be made
insert into paces (name, at, mark, tokens) values (:name, :at, :mark, :tokens)
