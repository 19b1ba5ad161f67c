-- What is counted for the console's first page, by the hour: sums that nodes add to, and the sessions that lived when last looked.
CREATE TABLE hourly_counts (
    hour BIGINT NOT NULL,
    what TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (hour, what)
);
