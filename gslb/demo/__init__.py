"""`gslb demo`: a primary, a secondary and live backends on loopback, to play with or to watch by itself.

    plan ──▶ files      what runs where, and the files that make it so
    cluster ─▶ parts    the processes: nodes (`gslb serve`) and backends, each a `child` tethered to this one
    stream ──▶ shares   the demo's own steady queries, and what they were answered with
    timeline            what changed from one status to the next
    live ──▶ view       the live view; introduction, keys, control: what people can do
    unattended          the same seen by a program, step by step: waits measure, judgement judges, story tells

Every node of the plan is one process, one stream and one row in the view.
"""
