-- The program has made the keys of all names in its own form before this is noted: SQL makes another one of letters beyond
-- ASCII.
SELECT 1;
