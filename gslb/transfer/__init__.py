"""Zones between servers: transfers out and in, NOTIFY, the timers of a secondary, and the journal of versions."""
