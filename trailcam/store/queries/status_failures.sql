-- Failed images of the view `selected` by error code, the most frequent first, with one path as an example.
SELECT coalesce(error_code, 'unknown') AS error_code, count(*) AS photos, min(i.path) AS example
FROM selected s
JOIN images i USING (image_id)
WHERE s.status = 'failed'
GROUP BY ALL
ORDER BY photos DESC, error_code;
