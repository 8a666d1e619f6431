-- Images whose capture time is in doubt, by the doubt.
SELECT captured_at_suspect AS doubt, count(*) AS photos
FROM images
WHERE captured_at_suspect IS NOT NULL AND duplicate_of IS NULL AND thumbnail_of IS NULL
GROUP BY ALL
ORDER BY photos DESC, doubt;
