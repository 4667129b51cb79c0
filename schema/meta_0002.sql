-- Probes in both directions, with several senders, flows and lengths, and when their results stood.
ALTER TABLE probe ADD COLUMN kind TEXT NOT NULL DEFAULT 'run';		-- run, bench
-- in: towards the guest, out: from it
ALTER TABLE probe ADD COLUMN direction TEXT NOT NULL DEFAULT 'in';
-- of frames, in turn: "60,1514"; frame_bytes is their mean
ALTER TABLE probe ADD COLUMN lengths TEXT NOT NULL DEFAULT '';
ALTER TABLE probe ADD COLUMN flows INTEGER NOT NULL DEFAULT 1;
-- of the probe VM's interface; 0: not known
ALTER TABLE probe ADD COLUMN queues INTEGER NOT NULL DEFAULT 1;
ALTER TABLE probe ADD COLUMN workers INTEGER NOT NULL DEFAULT 1;	-- senders at the host
-- the guest answered; 0: never
ALTER TABLE probe ADD COLUMN ready_ns INTEGER NOT NULL DEFAULT 0;
-- its result stood; 0: not known
ALTER TABLE probe_step ADD COLUMN done_ns INTEGER NOT NULL DEFAULT 0;
