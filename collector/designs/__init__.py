"""Other state designs of a thread, replayed for real and timed; ``storage.designs`` predicts."""
