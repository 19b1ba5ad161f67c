DROP TABLE bff_logout_tokens;
DROP TABLE bff_ended;
DROP TABLE bff_sessions;
