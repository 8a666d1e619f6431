-- fresh: the photos of the view `selected` that are new, by when they were first looked at. That moment tells a
-- photo from another whose file took its place: its results went with the old file. $since: from then on (UTC);
-- NULL: those that no digest called $name has reported.
CREATE TEMP TABLE fresh AS
WITH looked AS (
    SELECT s.image_id, min(r.looked_at) AS looked_at
    FROM selected s
    JOIN results r ON r.image_id = s.image_id AND r.status = 'completed'
    WHERE s.run_id IS NOT NULL OR s.by_person -- judged as a whole: no run's boxes count there
    GROUP BY s.image_id
),
told AS (
    SELECT p.image_id, max(p.looked_at) AS looked_at
    FROM digest_photos p
    JOIN digests d ON d.digest_id = p.digest_id
    WHERE d.name = $name AND p.looked_at IS NOT NULL
    GROUP BY p.image_id
)
SELECT l.image_id, l.looked_at
FROM looked l
LEFT JOIN told t ON t.image_id = l.image_id
WHERE CASE
    WHEN $since::TIMESTAMP IS NULL THEN t.looked_at IS NULL OR t.looked_at < l.looked_at
    ELSE l.looked_at >= $since::TIMESTAMP
END;
