-- Every statement of the store, by name: `-- name: what it is for`. Parameters are `:named`, times
-- are Unix seconds (`:steady` those of leases, by a clock that does not jump), JSON is ASCII text, so that one text serves SQLite and PostgreSQL.

-- create_meta: version of this layout
create table if not exists callsheet_meta (name text primary key, value text not null)

-- create_runs: one row per run
create table if not exists runs (run text primary key, workflow text not null, started double precision not null)

-- create_events: the events of each run, in order; the key prevents two with the same number
create table if not exists events (run text not null, seq int not null, kind text not null, body text not null, at double precision not null, primary key (run, seq))

-- create_leases: who may append to a run
create table if not exists leases (run text primary key, owner text not null, epoch int not null, heartbeat double precision not null)

-- create_files: workflow files and images of runs, by content hash
create table if not exists files (hash text primary key, content text not null)

-- create_texts: what a search looks in, of each event that has such a text: without case and accents
create table if not exists texts (run text not null, seq int not null, text text not null, primary key (run, seq))

-- create_run_files: which run uses which file
create table if not exists kept (run text not null, hash text not null, primary key (run, hash))

-- create_workers: worker processes with their last heartbeat
create table if not exists workers (name text primary key, concurrency int not null, started double precision not null, heartbeat double precision not null)

-- create_queued_runs: runs that workers are to execute, and from which queue
create table if not exists handed (run text primary key, queue text not null, since double precision not null)

-- create_calls: calls of the last minute per provider and key, where a rate limit is set
create table if not exists paces (name text not null, at double precision not null, mark text not null, tokens int not null, primary key (name, at, mark))

-- to_4_add_number: the order in which runs were created, whatever the clock said
alter table runs add column number int not null default 0

-- to_4_number_runs: runs of an older layout are ordered by their time
update runs set number = earlier.number from (select run, row_number() over (order by started, run) as number from runs) as earlier where earlier.run = runs.run

-- to_4_drop_index: the order by time
drop index if exists runs_by_time

-- to_4_index_runs: lists of runs are read newest first
create index runs_by_number on runs (number, run)

-- read_version: version of the layout
select value from callsheet_meta where name = 'version'

-- write_version: store the version of the layout
insert into callsheet_meta (name, value) values ('version', :version) on conflict (name) do update set value = excluded.value

-- read_clock: which clock the leases of this machine go by
select value from callsheet_meta where name = 'clock'

-- write_clock: agree on one, after each start of the machine
insert into callsheet_meta (name, value) values ('clock', :clock) on conflict (name) do update set value = excluded.value

-- read_mark: a short text under a name, such as which process executes a batch
select value from callsheet_meta where name = :name

-- select_marks: those whose names have a prefix
select name, value from callsheet_meta where substr(name, 1, length(:prefix)) = :prefix order by name

-- write_mark: store it
insert into callsheet_meta (name, value) values (:name, :value) on conflict (name) do update set value = excluded.value

-- delete_mark: remove it
delete from callsheet_meta where name = :name

-- insert_run: create a run, unless one has this name
insert into runs (run, workflow, started, number) values (:run, :workflow, :at, (select coalesce(max(number), 0) + 1 from runs)) on conflict (run) do nothing returning run

-- insert_lease: lease a new run to its creator; here and in `renew_lease_if_last`, the result is the time of the events
insert into leases (run, owner, epoch, heartbeat) values (:run, :owner, 1, :steady) returning :at

-- restore_run: create a run as it was in another store
insert into runs (run, workflow, started, number) values (:run, :workflow, :started, (select coalesce(max(number), 0) + 1 from runs))

-- restore_lease: its lease, which nobody has
insert into leases (run, owner, epoch, heartbeat) values (:run, '', 1, :heartbeat)

-- insert_event: append one event
insert into events (run, seq, kind, body, at) values (:run, :seq, :kind, :body, :recorded)

-- insert_text: what a search looks in, of one event
insert into texts (run, seq, text) values (:run, :seq, :text)

-- insert_file: store a file
insert into files (hash, content) values (:hash, :content) on conflict (hash) do nothing

-- insert_run_file: mark it as used by a run
insert into kept (run, hash) values (:run, :hash) on conflict (run, hash) do nothing

-- renew_lease: lock, check and renew a lease in one statement
update leases set heartbeat = :steady where run = :run and owner = :owner and epoch = :epoch returning epoch

-- renew_lease_if_last: the same, if the run's last event still has this number; another `next` ends the lease
update leases set heartbeat = :steady, owner = :next where run = :run and owner = :owner and epoch = :epoch and :after = (select max(seq) from events where run = :run) returning :at

-- acquire_lease: lease a run whose lease is free, expired, ours or of a dead process
update leases set owner = :owner, epoch = epoch + 1, heartbeat = :steady where run = :run and (owner in ('', :owner, :dead) or (heartbeat < :steady - :lease and :awake < :steady - :lease)) returning epoch

-- release_lease: end a lease
update leases set owner = '' where run = :run and owner = :owner and epoch = :epoch returning epoch

-- select_owner: who owns a run
select owner, heartbeat from leases where run = :run

-- lock_notes: notes of a run are numbered one after the other; its lease is not needed
update runs set workflow = workflow where run = :run returning run

-- insert_note: notes have the numbers below 0, so that they never come between events of the run's owner
insert into events (run, seq, kind, body, at) values (:run, (select coalesce(min(seq), 0) - 1 from events where run = :run and seq < 0), :kind, :body, :at)

-- announce_note: a run that nobody owns was just changed
update leases set heartbeat = :steady where run = :run and owner = ''

-- select_notes: a run's notes
select seq, body, at from events where run = :run and seq < 0 order by seq desc

-- delete_run_file: an image was removed, unless an event names it
delete from kept where run = :run and hash = :hash and not exists (select 1 from events where run = :run and seq > 0 and body like '%' || :hash || '%')

-- select_runs_with: names of runs in which a word stands
select distinct run from texts where instr(text, :word) > 0 and substr(run, 1, length(:prefix)) = :prefix

-- select_texts_to_add: events of a layout before texts, behind one of them
select run, seq, kind, body from events where (run, seq) > (:run, :seq) and seq > 0 and kind in ('run_started', 'run_retried', 'question_answered', 'call_replied', 'prompt_edited') order by run, seq limit :limit

-- select_titling_events: notes or answers, which give the runs between two numbers their titles
select e.run, e.body from runs r join events e on e.run = r.run where r.number between :low and :high and e.seq < :below and e.kind = :kind order by e.run, e.seq

-- select_events: a run's events after a number
select seq, body, at from events where run = :run and seq > :after order by seq

-- select_billing_events: what the newest runs asked for and what it cost; a query of its own, because the other events are the long ones
select e.run, e.seq, e.body, e.at from (select run, number from runs order by number desc, run desc limit :newest) r join events e on e.run = r.run where e.kind in ('run_started', 'run_resumed', 'run_retried', 'step_started', 'question_answered', 'call_replied') order by r.number desc, r.run desc, e.seq

-- select_file: content of a file
select content from files where hash = :hash

-- select_file_names: every file, by content hash
select hash from files order by hash

-- select_missing_files: files that a run uses and that are not there
select run, hash from kept where hash not in (select hash from files) order by run, hash

-- select_runs: runs behind a position, newest first, each with its last and first event and its owner
select r.run, r.workflow, r.started, e.kind, case when e.kind = 'run_finished' then e.body else '' end, l.owner, l.heartbeat, e.seq, f.body, case when l.heartbeat < :steady - :lease and :awake < :steady - :lease then 1 else 0 end, r.number, (select count(*) from events n where n.run = r.run and n.seq < 0) from runs r join events e on e.run = r.run and e.seq = (select max(seq) from events where run = r.run) join events f on f.run = r.run and f.seq = 1 join leases l on l.run = r.run where (r.number, r.run) < (:number, :run) order by r.number desc, r.run desc limit :limit

-- select_run: the same for one run
select r.run, r.workflow, r.started, e.kind, case when e.kind = 'run_finished' then e.body else '' end, l.owner, l.heartbeat, e.seq, f.body, case when l.heartbeat < :steady - :lease and :awake < :steady - :lease then 1 else 0 end, r.number, (select count(*) from events n where n.run = r.run and n.seq < 0) from runs r join events e on e.run = r.run and e.seq = (select max(seq) from events where run = r.run) join events f on f.run = r.run and f.seq = 1 join leases l on l.run = r.run where r.run = :run

-- select_active_runs: the same for runs with a recent heartbeat
select r.run, r.workflow, r.started, e.kind, case when e.kind = 'run_finished' then e.body else '' end, l.owner, l.heartbeat, e.seq, f.body, case when l.heartbeat < :steady - :lease and :awake < :steady - :lease then 1 else 0 end, r.number, (select count(*) from events n where n.run = r.run and n.seq < 0) from runs r join events e on e.run = r.run and e.seq = (select max(seq) from events where run = r.run) join events f on f.run = r.run and f.seq = 1 join leases l on l.run = r.run where l.heartbeat >= :steady - :seconds order by r.number desc, r.run desc

-- select_names_with_prefix: names of runs with a prefix
select run from runs where substr(run, 1, length(:prefix)) = :prefix order by number desc, run desc

-- run_exists: whether a run is stored
select 1 from runs where run = :run

-- lock_files: before files are deleted, no other transaction may be adding one
select 'locked'

-- delete_events: delete a run's events
delete from events where run = :run

-- delete_texts: delete what a search looks in
delete from texts where run = :run

-- delete_lease: delete its lease
delete from leases where run = :run

-- delete_run_files: delete which files it used
delete from kept where run = :run

-- delete_queued_run: no worker is to execute it any more
delete from handed where run = :run

-- delete_files: delete files that no run uses
delete from files where hash not in (select hash from kept)

-- delete_run: delete the run
delete from runs where run = :run

-- select_snapshot: which transactions a server has seen; SQLite uses pragmas
select pg_current_snapshot()

-- upsert_worker: heartbeat of a worker
insert into workers (name, concurrency, started, heartbeat) values (:name, :concurrency, :at, :at) on conflict (name) do update set heartbeat = excluded.heartbeat

-- select_workers: workers with a recent heartbeat, and all while the server just restarted
select name, concurrency, started from workers where heartbeat >= :at - :silent or :awake >= :at - :silent order by started

-- delete_worker: a worker ends, or died long ago
delete from workers where name = :name or heartbeat < :at - 20 * :silent

-- insert_queued_run: a worker is to execute a run
insert into handed (run, queue, since) values (:run, :queue, :at) on conflict (run) do update set queue = excluded.queue, since = excluded.since

-- select_queued_at: whether a run is queued, and since when
select since from handed where run = :run

-- delete_queued_run_since: a run was executed, unless it was queued again since
delete from handed where run = :run and since = :since

-- enqueue_workflow: add it to the DBOS queue, in the same transaction; only on a server
select dbos.enqueue_workflow(:workflow, :queue, array[to_json(cast(:run as text))]::json[], workflow_id => :id, app_version => :version)

-- has_queue: whether the tables of the queue exist
select to_regclass('dbos.workflow_status')

-- select_unsafe_rows: queued work in a serialization that can execute code
select workflow_uuid from dbos.workflow_status where serialization = 'py_pickle' and status in ('ENQUEUED', 'PENDING', 'DELAYED') limit 3

-- lock_recovery: one process at a time recovers runs
select pg_try_advisory_xact_lock(:key)

-- requeue_dead: put what dead workers had started back into the queue
update dbos.workflow_status set status = 'ENQUEUED', owner_xid = null, started_at_epoch_ms = null where status = 'PENDING' and name = :workflow and :awake < :at - :silent and executor_id not in (select name from workers where heartbeat >= :at - :silent) returning workflow_uuid

-- requeue_own: put what a stopping worker had started back into the queue
update dbos.workflow_status set status = 'ENQUEUED', owner_xid = null, started_at_epoch_ms = null where status = 'PENDING' and name = :workflow and executor_id = :name returning workflow_uuid

-- select_orphans: queued runs without owner that the queue has lost
select h.run, h.queue, l.epoch from handed h join leases l on l.run = h.run where h.since < :at - :silent and :awake < :at - :silent and (l.owner = '' or l.heartbeat < :at - :lease) and not exists (select 1 from dbos.workflow_status w where w.name = :workflow and w.status in ('ENQUEUED', 'PENDING', 'DELAYED') and split_part(w.workflow_uuid, ':', 1) = h.run)

-- delete_finished: remove work that ended an hour ago from the queue; the events have it all
delete from dbos.workflow_status where name = :workflow and status not in ('ENQUEUED', 'PENDING', 'DELAYED') and updated_at < (:at - 3600) * 1000

-- select_server_version: version of PostgreSQL
select current_setting('server_version')

-- lock_calls: one transaction at a time counts the calls of a provider and key
insert into paces (name, at, mark, tokens) values (:name, 0, '', 0) on conflict (name, at, mark) do update set tokens = 0

-- delete_old_calls: calls older than a minute do not count, nor those of a clock that was set back since
delete from paces where name = :name and at > 0 and (at <= :at - 60.0 or at > :at + 60.0)

-- select_calls: calls of the last minute, and the current time
select at, tokens, :at from paces where name = :name and at > 0 order by at

-- insert_call: a call is about to be made
insert into paces (name, at, mark, tokens) values (:name, :at, :mark, :tokens)
