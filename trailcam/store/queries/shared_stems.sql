-- Photos whose path differs from another's of their root by its ending or by case alone; by_case: by case alone.
SELECT image_id, whole > 1 AS by_case
FROM (
    SELECT
        image_id,
        count(*) OVER (PARTITION BY root_id, lower(path)) AS whole,
        count(*) OVER (PARTITION BY root_id, lower(regexp_replace(path, '\.[^./]*$', ''))) AS stems
    FROM images
    WHERE status <> 'missing'
)
WHERE stems > 1
ORDER BY image_id
