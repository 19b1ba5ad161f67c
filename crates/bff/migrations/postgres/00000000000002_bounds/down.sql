DROP TABLE bff_sign_ins;
ALTER TABLE bff_sessions DROP COLUMN used_at;
