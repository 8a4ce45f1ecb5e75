"""The adapters of bulk jobs, one for each kind of row: contact upserts, edits by id, deletes, company upserts."""
