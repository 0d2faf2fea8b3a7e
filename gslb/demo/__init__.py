"""`gslb demo`: a node and live backends on loopback, to play with or to watch by itself.

    plan ──▶ files      what runs where, and the files that make it so
    cluster ─▶ child    the processes: nodes (`gslb serve`) and backends, each tethered to this one
    stream ──▶ shares   the demo's own steady queries, and what they were answered with
    timeline            what changed from one status to the next
    live, view, keys    the live view; unattended, story: the same seen by a program, step by step

Every node of the plan is one process, one stream and one row in the view.
"""
