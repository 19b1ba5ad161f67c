DROP TABLE console_drafts;
DROP TABLE setup_link;
DELETE FROM clients WHERE id = 'latchkey-console';
