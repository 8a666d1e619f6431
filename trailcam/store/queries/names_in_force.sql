-- names_in_force: what people call the animals of photos now, one row for each spot. name NULL: nobody can tell.
--
-- `names_since` (said, from_id, to_id, name) tells what a name that was said in the namings from_id <= id < to_id is called
-- after the renames and merges since. On one photo a name belongs to one animal, and a place (IoU of {same}) to one
-- spot: the newest naming counts, which matters where two photos turned out to be one.
{query:iou};
CREATE TEMP TABLE names_in_force AS
WITH newest AS (
    SELECT b.*, n.author
    FROM named_boxes b
    JOIN namings n USING (naming_id)
    WHERE n.undone_at IS NULL
    QUALIFY row_number() OVER (PARTITION BY b.spot ORDER BY b.naming_id DESC) = 1
),
now AS (
    SELECT b.* REPLACE (c.name AS name)
    FROM newest b
    LEFT JOIN names_since c ON c.said = b.name AND b.naming_id >= c.from_id AND b.naming_id < c.to_id
),
once AS (
    SELECT * FROM now
    QUALIFY name IS NULL
        OR row_number() OVER (PARTITION BY image_id, name ORDER BY naming_id DESC, spot DESC) = 1
)
SELECT image_id, spot, name, naming_id, author, said_at, x, y, w, h
FROM once o
WHERE NOT EXISTS (
    SELECT 1 FROM once later
    WHERE later.image_id = o.image_id AND (later.naming_id, later.spot) > (o.naming_id, o.spot)
        AND iou(later.x, later.y, later.w, later.h, o.x, o.y, o.w, o.h) >= {same}
);
