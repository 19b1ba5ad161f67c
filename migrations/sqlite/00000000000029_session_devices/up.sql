-- Where the user signed in: browser and operating system as words that the program knows (empty: not known), and the address.
ALTER TABLE sessions ADD COLUMN device TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN address TEXT;
