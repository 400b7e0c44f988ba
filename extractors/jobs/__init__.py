"""Jobs over shards: an input of any size, on one machine or a cluster, into a folder of shards.

A job is a manifest of input shards (`manifest`). Each becomes one output shard, written whole or
not at all, with a marker that holds its count and digest (`shard`). What runs them is an engine:
processes of this machine (`local`) or actors of a Ray cluster (`cluster`); the order of work,
retries and the search for a row that kills its process are the same for both (`schedule`).
All reading and writing of files goes through `storage`: of this machine, or of a store by its URL
(`remote`, `remote_folder`, `lease`).
"""
