DELETE FROM signing_keys WHERE algorithm <> 'RS256';
ALTER TABLE signing_keys DROP COLUMN algorithm;
