-- fresh_failed: the failed photos of the view `selected` that are new. A photo that a scan could not read has no
-- result and counts from the day it was first seen: it is read again at each scan. $since, $name: as for `fresh`.
CREATE TEMP TABLE fresh_failed AS
WITH broken AS (
    SELECT s.image_id, coalesce(min(r.looked_at), any_value(i.first_seen_at)) AS failed_at
    FROM selected s
    JOIN images i ON i.image_id = s.image_id
    LEFT JOIN results r ON r.image_id = s.image_id AND r.status = 'failed'
    WHERE s.status = 'failed'
    GROUP BY s.image_id
)
SELECT b.image_id
FROM broken b
WHERE CASE
    WHEN $since::TIMESTAMP IS NOT NULL THEN b.failed_at >= $since::TIMESTAMP
    ELSE NOT EXISTS (
        FROM digest_photos p
        JOIN digests d ON d.digest_id = p.digest_id
        WHERE d.name = $name AND p.image_id = b.image_id AND p.looked_at IS NULL
    )
END;
