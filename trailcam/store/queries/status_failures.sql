-- Failed images by error code, the most frequent first, with one path as an example.
SELECT coalesce(error_code, 'unknown') AS error_code, count(*) AS photos, min(path) AS example
FROM images
WHERE status = 'failed'
GROUP BY ALL
ORDER BY photos DESC, error_code;
