-- The program has compared all addresses in its own form before this is noted: SQL makes another one of letters beyond
-- ASCII and of international domains.
SELECT 1;
