CREATE INDEX jobs_ended ON jobs(ended_ms, id);
