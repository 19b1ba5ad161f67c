-- Since when a client has its present secret; empty: since it was registered. What the audit log still knows of it is kept.
ALTER TABLE clients ADD COLUMN secret_since BIGINT;
UPDATE clients SET secret_since = (SELECT max(at) FROM audit WHERE audit.target = clients.id AND audit.target_kind = 'client'
    AND audit.event IN ('client rotate-secret', 'client update')
    AND (audit.event = 'client rotate-secret' OR audit.details LIKE '%"new_secret":true%')
    AND audit.at >= clients.created_at)
    WHERE secret IS NOT NULL;
